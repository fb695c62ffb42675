/** The legend of a colour scale: its bar, zero and both limits as numbers, and what is hatched. */

import { element } from "./element.js";
import { text } from "./messages.js";
import { format } from "./numbers.js";
import { isSigned } from "./scale.js";

/**
 * @param {import("./scale.js").Scale} scale
 * @param {{notFinite?: number, clipped?: number, untrained?: number}} [counts] cells without an honest colour
 * @returns {HTMLElement}
 */
export function legend({ kind, limit }, counts = {}) {
  const ends = isSigned(kind) ? [format(-limit), "0", format(limit)] : ["0", format(limit)];
  const [low, ...rest] = ends.map((end) => element("span", { class: "legend-end" }, end));
  const bar = element("span", { class: `legend-bar legend-${kind}`, "aria-hidden": "true" });
  /** @type {[number | undefined, string, string][]} */
  const hatches = [
    [counts.notFinite, "legend.not_finite", "hatch-not-finite"],
    [counts.untrained, "legend.untrained", "hatch-untrained"],
    [counts.clipped, "legend.clipped", "notch-clipped"],
  ];
  const notes = hatches.flatMap(([count, key, swatch]) =>
    count ? [element("span", { class: "legend-note" }, element("span", { class: `legend-swatch ${swatch}` }), text(key, { count }))] : [],
  );
  return element("div", { class: "legend" }, element("span", { class: "legend-scale" }, low ?? null, bar, ...rest.slice(-1)), ...notes);
}
