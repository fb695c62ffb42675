/**
 * What one unit of the first layer looks for: its weights as a picture, laid over the pixels.
 *
 * @typedef {import("./forwardpass.js").LiveTensor} LiveTensor
 * @typedef {{pixels: LiveTensor, weights: LiveTensor, bias: LiveTensor | null, sums: LiveTensor}} FirstLayer
 */

import { element } from "./element.js";
import { text } from "./messages.js";
import { format } from "./numbers.js";
import { limitOf } from "./scale.js";
import { thumbnail } from "./thumbnail.js";

const SIDE = 132;

/**
 * The parts of the first linear operation, where it reads the pixels themselves; null for other networks.
 *
 * @param {import("./forwardpass.js").TracedOp[]} ops
 * @param {LiveTensor[]} tensors
 * @param {number} pixelCount
 * @returns {FirstLayer | null}
 */
export function firstLayer(ops, tensors, pixelCount) {
  const op = ops.find(({ op: name }) => name === "linear");
  if (!op) return null;
  const [pixels, weights, bias = null] = op.reads.map((id) => tensors[id]);
  return pixels.data.length === pixelCount ? { pixels, weights, bias, sums: tensors[op.writes[0]] } : null;
}

/**
 * @param {FirstLayer} layer
 * @param {string} name of the layer
 * @param {LiveTensor} answers what the units answer
 * @param {number} size pixels along a side
 */
export function unitLook(layer, name, answers, size) {
  const units = layer.weights.shape[1];
  /** @param {string} ref @param {string} role */
  const empty = (ref, role) => ({ shape: [size, size], data: new Float64Array(size * size), ref, role });
  const weights = empty("weights", "param");
  const products = empty("products", "act");
  const title = element("h3", {});
  const sums = element("table", { class: "unit-sum" });
  const pictures = element("div", { class: "unit-pictures" });
  const node = element("div", { class: "unit-look card", "data-testid": "unit" }, title, pictures, sums);
  /** @type {number | null} */
  let chosen = null;

  /** The unit's weights stay while the pen moves; pixels and products are drawn anew. */
  const show = () => {
    const unit = chosen ?? strongest(answers.data);
    let sum = 0;
    for (let at = 0; at < weights.data.length; at += 1) {
      weights.data[at] = layer.weights.data[at * units + unit];
      products.data[at] = weights.data[at] * layer.pixels.data[at];
      sum += products.data[at];
    }
    const limit = limitOf(weights.data, "value");
    const pixels = { ...layer.pixels, role: "input", shape: [size, size] };
    pictures.replaceChildren(
      unitPicture(text("draw.unit.pixels"), thumbnail({ array: pixels, size: SIDE, kind: "ink", limit: 1 })),
      element("span", { class: "unit-sign", "aria-hidden": "true" }, "×"),
      unitPicture(text("draw.unit.weights"), thumbnail({ array: weights, size: SIDE, kind: "value", limit })),
      element("span", { class: "unit-sign", "aria-hidden": "true" }, "="),
      unitPicture(text("draw.unit.products"), thumbnail({ array: products, size: SIDE, kind: "value", limit })),
    );
    title.textContent = text("draw.unit", { unit: String(unit), layer: name });
    sums.replaceChildren(
      sumRow("draw.unit.sum", sum), sumRow("draw.unit.bias", layer.bias?.data[unit] ?? 0),
      sumRow("draw.unit.total", layer.sums.data[unit]), sumRow("draw.unit.answer", answers.data[unit]),
    );
  };
  return {
    node,
    show,
    /** From now on this unit; before, it is the one that answers most. @param {number} unit */
    choose(unit) {
      chosen = unit;
      show();
    },
  };
}

/**
 * @param {string} key
 * @param {number} value
 */
function sumRow(key, value) {
  return element("tr", {}, element("th", { scope: "row" }, text(key)), element("td", {}, format(value)));
}

/** @param {Float64Array} values */
function strongest(values) {
  return values.reduce((best, value, at) => (value > values[best] ? at : best), 0);
}

/**
 * @param {string} name
 * @param {HTMLCanvasElement} canvas
 */
function unitPicture(name, canvas) {
  return element("figure", { class: "unit-picture" }, canvas, element("figcaption", {}, name));
}
