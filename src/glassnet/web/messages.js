// Every word of the pages, in one place: English first, translatable.

import { formatCount } from "./numbers.js";

/**
 * Texts by key. `{name}` is filled in; where a text has a singular, its key ends in `.one` and is chosen by `count`.
 * @type {Record<string, string>}
 */
export const MESSAGES = {
  "cell.matrix": "row {row}, column {column}: {value}",
  "cell.minus": "minus",
  "cell.vector": "cell {index}: {value}",
  "formula.and": "and",
  "formula.else": ", otherwise ",
  "formula.if": " if ",
  "formula.modulo": "mod",
  "formula.or": "or",
  "formula.others": "{count} others:",
  "formula.others.one": "1 other:",
  "legend.clipped": "{count} beyond the scale",
  "legend.not_finite": "{count} not finite",
  "legend.untrained": "{count} never trained",
  "theme.dark": "Dark",
  "theme.light": "Light",
  "theme.switch": "Colours: {theme}",
  "theme.system": "As the system",
  "flow.empty": "no gradient yet",
  "flow.filled": "gradient",
  "flow.label": "Stages of the network",
  "number.power": "in units of {power}",
  "unitgrid.bias": "bias {value}",
  "unitgrid.by_contribution": "largest contribution",
  "unitgrid.by_gradient": "largest gradient",
  "unitgrid.by_index": "index",
  "unitgrid.contribution": "contribution {value}",
  "unitgrid.gradient": "gradient {value}",
  "unitgrid.filter": "Filter {unit}",
  "unitgrid.hint.biases": "The bar below it is its bias.",
  "unitgrid.hint.filter": "One picture per filter.",
  "unitgrid.hint.map": "One picture per channel.",
  "unitgrid.hint.unit": "One picture per unit.",
  "unitgrid.map": "Map {unit}",
  "unitgrid.more": "{count} more are not shown.",
  "unitgrid.more.one": "1 more is not shown.",
  "unitgrid.order": "Sort the units by",
  "unitgrid.unit": "Unit {unit}",
  "boundary.class": "class",
  "boundary.hint": "Point at the plane to read what the network says there.",
  "boundary.place": "{x}, {y}: {value}",
  "boundary.sample": "sample",
  "boundary.says": "{name} with probability {value}",
  "boundary.some": "{shown} of {count} samples are drawn.",
  "chart.empty": "{name}: no values.",
  "chart.line": "{name} goes from {first} to {last}; its lowest value is {lowest}.",
  "imagegrid.more": "and {count} more",
  "imagegrid.none": "None.",
  "lens.row": "row",
  "lens.window": "rows {rows}, columns {columns}",
  "ribbon.paths": "{count} other paths",
  "ribbon.paths.one": "1 other path",
  "ribbon.samples": "{count} other samples",
  "ribbon.samples.one": "1 other sample",
  "ribbon.title": "The chain rule along the route",
  "waterfall.rest": "{count} others",
  "waterfall.rest.one": "1 other",
};

/**
 * A text with its blanks filled in.
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function text(key, values = {}) {
  const message = (values.count === 1 && MESSAGES[`${key}.one`]) || MESSAGES[key];
  if (message === undefined) throw new Error(`messages: there is no text ${key}`);
  return message.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name] ?? "";
    return typeof value === "number" ? formatCount(value) : value;
  });
}
