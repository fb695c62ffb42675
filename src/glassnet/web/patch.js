/**
 * One number of a convolution as pictures: the patch under the kernel ⊙ the kernel = products, for the input channels
 * that matter most, and one number for all others. The same view shows one weight's gradient (the cells that the weight
 * met ⊙ the errors there) and one number of the error that goes back (errors ⊙ the flipped kernel).
 */

import { cellSymbol } from "./chain.js";
import { element } from "./element.js";
import { text } from "./messages.js";
import { valueAt } from "./network.js";
import { format, formatSigned } from "./numbers.js";
import { limitOf } from "./scale.js";
import { writeRef } from "./selection.js";
import { waterfall } from "./waterfall.js";
import { equationNode, scaleFor, slicePicture, tensorTitle } from "./zoom.js";

/** @import {Worked, WorkedCell} from "./rules.js" */
/** @import {Op, Tensor, Trace} from "./trace.js" */
/** @import {Part, StageContext} from "./zoom.js" */
/**
 * How the terms of a rule lie on a picture: the letters of its rows and columns, and the one along which there are
 * several pictures. `flipped`: the last row is drawn first.
 * @typedef {{rows: string, columns: string, along: string, flipped: boolean}} Form
 * @typedef {{ref: string | null, value: number}} Place a cell that was read; null outside the image
 * @typedef {{number: number, left: Place[], right: Place[], products: number[], sum: number}} Layer
 * @typedef {{op: Op, form: Form, cell: number[], value: number, tensor: Tensor, rows: number, columns: number, layers: Layer[],
 *   bias: {tensor: Tensor, cell: number[]} | null}} Patch
 */

const MOST_LAYERS = 4;
const NUMBER_WIDTH = 48;
const MOST_ROWS_WITH_NUMBERS = 5;
const SIGNS_WIDTH = 150;
const GRADIENT_TAB_WIDTH = 26;

/** @type {Record<string, Form>} */
const FORMS = {
  convolution: { rows: "u", columns: "v", along: "c", flipped: false },
  biased_convolution: { rows: "u", columns: "v", along: "c", flipped: false },
  convolution_transpose: { rows: "u", columns: "v", along: "o", flipped: true },
  convolution_kernel: { rows: "p", columns: "q", along: "n", flipped: false },
};

/**
 * The terms of one cell, put in order; null for operations that are no convolution of images.
 * @param {Trace} trace
 * @param {Op} op
 * @param {Tensor} tensor what it writes
 * @param {number[]} cell
 * @returns {Patch | null}
 */
export function patchOf(trace, op, tensor, cell) {
  const form = FORMS[op.op];
  const worked = form && cell.length === 4 ? trace.workCell(op, op.writes.indexOf(tensor), cell) : null;
  if (!worked) return null;
  const terms = worked.addends.filter(({ letters }) => letters);
  const size = (/** @type {string} */ letter) => Math.max(...terms.map(({ letters, at }) => at[letters.indexOf(letter)])) + 1;
  const [rows, columns, count] = [form.rows, form.columns, form.along].map(size);
  const empty = () => Array.from({ length: rows * columns }, () => ({ ref: null, value: 0 }));
  /** @type {Layer[]} */
  const layers = Array.from({ length: count }, (_, number) => ({ number, left: empty(), right: empty(), products: Array(rows * columns).fill(0), sum: 0 }));
  for (const term of terms) {
    const place = (/** @type {string} */ letter) => term.at[term.letters.indexOf(letter)];
    const at = place(form.rows) * columns + place(form.columns);
    const layer = layers[place(form.along)];
    const [left, right] = readsIn(term.node).map(({ array, cell: read, value }) => ({ value, ref: read && writeRef(/** @type {Tensor} */ (trace.tensorNamed(op, array)).ref, read) }));
    const position = form.flipped ? rows * columns - 1 - at : at;
    layer.left[position] = left;
    layer.right[position] = right;
    layer.products[position] = term.value;
    layer.sum += term.value;
  }
  return { op, form, cell, value: worked.value, tensor, rows, columns, layers, bias: biasIn(trace, op, worked) };
}

/**
 * The two numbers that a term multiplies.
 * @param {Worked} node
 * @returns {Extract<Worked, {kind: "read"}>[]}
 */
function readsIn(node) {
  if (node.kind === "read") return [node];
  return node.kind === "binary" ? [...readsIn(node.left), ...readsIn(node.right)] : [];
}

/**
 * @param {Trace} trace
 * @param {Op} op
 * @param {WorkedCell} worked
 */
function biasIn(trace, op, { addends }) {
  const source = addends.find(({ letters }) => !letters)?.sources[0];
  return source ? { tensor: /** @type {Tensor} */ (trace.tensorNamed(op, source.array)), cell: source.cell } : null;
}

// ---------------------------------------------------------------- pictures

/**
 * The strongest layers as pictures, then all of them as a sum.
 * @param {StageContext} context
 * @param {Patch} patch
 * @returns {Required<Part>}
 */
export function patchPart(context, patch) {
  const shown = strongest(patch);
  const limit = limitOf(shown.flatMap(({ products }) => products), "value"); // one scale for all products
  const rows = shown.map((layer) => layerPart(context, patch, layer, limit));
  const { count, value } = weakerLayers(patch, shown);
  const more = count ? [element("p", { class: "stage-words" }, text(`patch.others.${patch.form.along}`, { count, value: formatSigned(value) }))] : [];
  return {
    node: element("div", { class: "patch", "data-testid": "patch" }, ...rows.map(({ node }) => node), ...more),
    mark: ([pointed]) => rows.forEach(({ mark }) => mark([pointed])), // the others are all that is shown here
  };
}

/**
 * The layers with the largest sums, largest first.
 * @param {Patch} patch
 */
function strongest({ layers }) {
  return [...layers].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum)).slice(0, MOST_LAYERS);
}

/**
 * @param {Patch} patch
 * @param {Layer[]} shown
 */
function weakerLayers({ layers }, shown) {
  const others = layers.filter((layer) => !shown.includes(layer));
  return { count: others.length, value: others.reduce((sum, layer) => sum + layer.sum, 0) };
}

/**
 * @param {StageContext} context
 * @param {Patch} patch
 * @param {Layer} layer
 * @param {number} limit
 * @returns {Required<Part>}
 */
function layerPart(context, patch, layer, limit) {
  const { op, form, rows, columns } = patch;
  const [left, right] = op.reads;
  const tabs = [left, right, patch.tensor].filter(({ role }) => role === "grad").length * GRADIENT_TAB_WIDTH;
  const size = Math.floor(Math.max(84, (context.width - SIGNS_WIDTH - tabs) / 3));
  const numbers = rows <= MOST_ROWS_WITH_NUMBERS && size / columns >= NUMBER_WIDTH;
  const common = { image: [rows, columns], size, numbers, plain: true };
  const picture = (/** @type {string} */ title, /** @type {Tensor} */ tensor, /** @type {Place[]} */ places) => {
    const data = places.map(({ value }) => value);
    const refOf = (/** @type {number} */ at) => places[at].ref ?? "";
    return slicePicture({ ...common, title, data, role: tensor.role, ...scaleFor(tensor, data), refOf, nameOf: (at) => placeName(places[at]) }, context);
  };
  const signed = patch.tensor.role === "grad" ? "gradient" : "value";
  const parts = [
    picture(readTitle(left, layer.left), left, layer.left),
    picture(`${readTitle(right, layer.right)}${form.flipped ? ` ${text("patch.flipped")}` : ""}`, right, layer.right),
    slicePicture({ ...common, title: text("patch.products", { sum: (patch.tensor.role === "grad" ? formatSigned : format)(layer.sum) }), data: layer.products, role: patch.tensor.role, kind: signed, limit, refOf: (at) => layer.right[at].ref ?? "", nameOf: (at) => `${placeName(layer.left[at])} · ${placeName(layer.right[at])}` }, context),
  ];
  const node = equationNode([["", parts[0].node], ["⊙", parts[1].node], ["=", parts[2].node]]);
  return { node, mark: (refs) => parts.forEach(({ mark }) => mark(refs)) };
}

/** @param {Place} place */
function placeName({ ref }) {
  return ref ?? text("patch.outside");
}

/**
 * a1[0,4–6,5–7,12]: the block of cells that a picture shows.
 * @param {Tensor} tensor
 * @param {Place[]} places
 */
function readTitle(tensor, places) {
  const cells = places.flatMap(({ ref }) => (ref ? [ref.slice(ref.lastIndexOf("[") + 1, -1).split(",").map(Number)] : []));
  if (!cells.length) return tensorTitle(tensor);
  const spans = tensor.shape.map((length, axis) => {
    const along = cells.map((cell) => cell[axis]);
    const [low, high] = [Math.min(...along), Math.max(...along)];
    return low === high ? String(low) : high - low + 1 === length ? ":" : `${low}–${high}`;
  });
  return `${tensorTitle(tensor)}[${spans.join(",")}]`;
}

// ---------------------------------------------------------------- the sum

/**
 * All terms of the cell added up, or the sums of its layers.
 * @param {Patch} patch
 * @param {boolean} byLayer
 * @returns {Part}
 */
export function patchSum(patch, byLayer) {
  const { tensor, cell, layers, bias, form } = patch;
  const terms = byLayer
    ? layers.map(({ number, sum }) => ({ label: text(`patch.layer.${form.along}`, { number: String(number) }), value: sum, factors: [] }))
    : layers.flatMap(({ left, right, products }) => products.map((value, at) => termOf(left[at], right[at], value)));
  const name = cellSymbol(tensor, cell);
  const view = waterfall({
    title: text(bias ? "stage.sum" : "patch.sum", { name, count: layers.length * patch.rows * patch.columns }), terms, count: byLayer ? MOST_LAYERS : 8,
    bias: bias && { label: text("stage.bias", { name: cellSymbol(bias.tensor, bias.cell) }), value: valueAt(bias.tensor, bias.cell), ref: writeRef(bias.tensor.ref, bias.cell) },
    total: { label: name, value: valueAt(tensor, cell), ref: writeRef(tensor.ref, cell) },
  });
  view.node.dataset.testid = "waterfall";
  return { node: view.node };
}

/**
 * @param {Place} left
 * @param {Place} right
 * @param {number} value
 */
function termOf(left, right, value) {
  const factors = [left, right].flatMap(({ ref, value: factor }) => (ref ? [{ ref, value: factor }] : []));
  return { label: left.ref ? left.ref.slice(left.ref.lastIndexOf("[")) : text("patch.outside"), value, factors };
}
