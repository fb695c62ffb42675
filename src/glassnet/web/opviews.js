/** One operation from afar: pictures of what it reads and writes; for some a view of their own. */

import { cellRef } from "./arrays.js";
import { element } from "./element.js";
import { SIGNS, holdsImages, imagesPart, maskOf } from "./mapviews.js";
import { text } from "./messages.js";
import { outputOf, sizeOfTensor, trueCell, trueClass, trueRow, valueAt } from "./network.js";
import { format, formatSigned } from "./numbers.js";
import { openedParts } from "./opened.js";
import { className, pushParts } from "./pushviews.js";
import { followersOf } from "./route.js";
import { link } from "./selection.js";
import { SMALL_PICTURE, equationPart, imagesOnce, isUnitGrid, tensorPart, termsPart, unitsPart } from "./tensorviews.js";
import { updateParts } from "./updateviews.js";
import { inkOr, mapsBehind, picturesInLine, readName, rowOf, tensorTitle } from "./zoom.js";
import { isConvolution } from "./windows.js";

/** @import {Op, Tensor} from "./trace.js" */
/** @import {Part, StageContext} from "./zoom.js" */

const CROSS_ENTROPIES = new Set(["softmax_crossentropy", "sparse_softmax_crossentropy"]);
const TIMES = new Set(["multiply", "divide"]);
const MOST_BARS = 20;
const WORDS_BETWEEN = 110;

/**
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part[]}
 */
export function opParts(context, op) {
  if (op.phase === "update") return updateParts(context, op);
  const opened = openedParts(context, op);
  if (opened) return opened;
  if (op.op === "linear" && isUnitGrid(op.reads[1])) return [...layerParts(context, op), ...pushParts(context, op)];
  if (op.phase === "forward" && isConvolution(op) && op.reads.every((tensor) => tensor.shape.length === 1 || holdsImages(tensor))) return [convolutionPart(context, op)];
  if (op.op === "max_pooling" && holdsImages(op.reads[0])) return [equationPart(context, { ...op, writes: op.writes.slice(0, 1) })];
  if (op.op === "max_unpooling" && op.backwardOf) return [unpoolingPart(context, op, op.backwardOf)];
  if (op.op === "softmax" && (op.writes[0].shape.at(-1) ?? 0) <= MOST_BARS) return [softmaxPart(context, op)];
  if (CROSS_ENTROPIES.has(op.op)) return [lossPart(context, op)];
  if (op.op === "subtract" && op.backwardOf && CROSS_ENTROPIES.has(op.backwardOf.op)) return [errorPart(context, op)];
  const scalings = followersInStep(context, op);
  return [scalings.length ? scaledPart(context, op, scalings) : equationPart(context, op)];
}

/**
 * x · 0.0039 + 0 = x′ in one line: a layer that only scales.
 * @param {StageContext} context
 * @param {Op} op
 * @param {Op[]} others
 * @returns {Part}
 */
function scaledPart(context, op, others) {
  const before = context.trace.opWriting(op.reads[0]);
  const first = before?.op === "cast" && context.view.moment.ops.includes(before) ? before.reads[0] : op.reads[0];
  const numbers = [op, ...others].map(({ op: name, reads }) => /** @type {[string, Part]} */ ([SIGNS.get(name), tensorPart(context, reads[1], SMALL_PICTURE)]));
  const last = /** @type {Op} */ (others.at(-1)).writes[0];
  return termsPart([["", tensorPart(context, first, SMALL_PICTURE)], ...numbers, ["=", tensorPart(context, last, SMALL_PICTURE)]]);
}

/**
 * Whether every cell of something is combined with one and the same number.
 * @param {Op | undefined} op
 */
function isScaling(op) {
  return op !== undefined && op.phase === "forward" && op.reads.length === 2 && SIGNS.has(op.op) && sizeOfTensor(op.reads[1]) === 1 && sizeOfTensor(op.reads[0]) > 1;
}

// ---------------------------------------------------------------- a layer on images

/**
 * Image ⋆ filters + biases = maps, and what becomes of them; the biases are bars below the filters.
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part}
 */
function convolutionPart(context, op) {
  const [image, kernel, bias] = op.reads;
  const after = followersInStep(context, op).map(({ op: name, writes: [tensor] }) => /** @type {[string, Part]} */ ([`${name} →`, tensorPart(context, tensor, SMALL_PICTURE)]));
  const beside = context.width - SMALL_PICTURE - WORDS_BETWEEN; // beside a single image
  const filters = imagesPart(context, kernel, image.shape[3] === 1 && beside > SMALL_PICTURE ? { width: beside } : {});
  return termsPart([["", tensorPart(context, image, SMALL_PICTURE)], ["⋆", filters], [bias ? "+ b =" : "=", tensorPart(context, op.writes[0], SMALL_PICTURE)], ...after]);
}

/**
 * The error of every window goes to the cell that won it.
 * @param {StageContext} context
 * @param {Op} op
 * @param {Op} pooling
 * @returns {Part}
 */
function unpoolingPart(context, op, pooling) {
  const mask = maskOf(pooling);
  const [error, result] = [op.reads[0], op.writes[0]];
  if (!mask || !holdsImages(error)) return equationPart(context, op);
  const name = tensorTitle(pooling.reads[0]);
  return termsPart([["", imagesOnce(context, error)], ["→", imagesPart(context, mask, { title: text("maps.mask", { name }) })], ["=", imagesOnce(context, result)]]);
}

// ---------------------------------------------------------------- a dense layer

/**
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part[]}
 */
function layerParts(context, op) {
  const { trace, sample } = context;
  const [input, weights] = op.reads;
  const result = op.writes[0];
  const [inputs, units] = weights.shape;
  const slice = (/** @type {Tensor} */ tensor, /** @type {number} */ length, /** @type {(at: number) => string} */ nameOf) => ({
    title: tensorTitle(tensor), data: rowOf(tensor, sample), role: tensor.role,
    kind: inkOr("value", tensor, rowOf(tensor, sample)),
    refOf: (/** @type {number} */ at) => cellRef(tensor, sample * length + at), nameOf,
  });
  const unitName = (/** @type {number} */ at) => text("stage.unit", { unit: String(at) });
  const after = followersInStep(context, op).map(({ op: name, writes: [tensor] }) => ({ sign: `${name} →`, picture: slice(tensor, units, unitName) }));
  const maps = mapsBehind(trace, input);
  const flat = maps?.data && maps.shape[3] > 1 ? imagesPart(context, maps, { title: text("maps.flat", { name: tensorTitle(input) }) }) : null;
  const line = { ...context, width: context.width - WORDS_BETWEEN };
  const times = text("stage.times", { name: tensorTitle(weights) });
  const pictures = flat ? termsPart([["", flat], [times, picturesInLine(line, [slice(result, units, unitName), ...after.map(({ picture }) => picture)], after.map(({ sign }) => sign))]]) : picturesInLine(line, [
    slice(input, inputs, (at) => readName(trace, input, at, inputs)), slice(result, units, unitName), ...after.map(({ picture }) => picture),
  ], [times, ...after.map(({ sign }) => sign)]);
  return [pictures, unitsPart(context, weights, text("stage.units", { name: tensorTitle(weights) }))];
}

/**
 * The element-wise operations of the same step that are drawn together with the layer's sum, or with another scaling.
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Op[]}
 */
export function followersInStep(context, op) {
  const { trace, view } = context;
  if (isScaling(op)) {
    const next = trace.opsReading(op.writes[0]).find((one) => view.moment.ops.includes(one));
    const isFirst = next && (TIMES.has(op.op) || !TIMES.has(next.op)); // no brackets are needed
    return next && isFirst && isScaling(next) && next.reads[0] === op.writes[0] ? [next, ...followersInStep(context, next)] : [];
  }
  if (op.phase !== "forward" || !(op.op === "linear" ? isUnitGrid(op.reads[1]) : isConvolution(op) && holdsImages(op.writes[0]))) return [];
  return followersOf(trace, op.writes[0]).filter((one) => view.moment.ops.includes(one) && one.op !== "softmax");
}

// ---------------------------------------------------------------- probabilities and the loss

/**
 * @typedef {{head: string, refs: string[], values: number[], kind?: "probability" | "gradient"}} BarColumn `kind`: drawn
 *   as bars too
 */

/**
 * One row per class: numbers, and bars for some of them.
 * @param {StageContext} context
 * @param {{title: string, sample: number, columns: BarColumn[], note?: string}} table
 * @returns {Part}
 */
function classTable({ trace, pick }, { title, sample, columns, note }) {
  const truth = trueClass(trace, sample);
  const head = element("tr", {}, element("th", { scope: "col" }, text("stage.class_head")), ...columns.flatMap(({ head: name, kind }) => [...(kind ? [element("th", { class: "class-lane" }, element("span", { class: "visually-hidden" }, text("stage.bar")))] : []), element("th", { scope: "col", class: "number" }, name)]));
  const rows = columns[0].values.map((_, row) => {
    const cells = columns.flatMap(({ refs, values, kind }) => {
      const limit = kind === "gradient" ? Math.max(...values.map(Math.abs), 1e-12) : 1;
      const number = link(element("span", {}, kind === "gradient" ? formatSigned(values[row]) : format(values[row])), refs[row]);
      number.addEventListener("dblclick", () => pick(refs[row]));
      return [...(kind ? [element("td", { class: "class-lane", "aria-hidden": "true" }, barNodeOf(values[row] / limit, kind))] : []), element("td", { class: "number" }, number)];
    });
    const name = element("th", { scope: "row" }, className(trace, row), ...(row === truth ? [element("span", { class: "class-truth" }, text("stage.truth"))] : []));
    return element("tr", { class: row === truth ? "is-truth" : "" }, name, ...cells);
  });
  const table = element("table", { class: "class-table" }, element("thead", {}, head), element("tbody", {}, ...rows));
  return { node: element("figure", { class: "view classes", "data-testid": "classes" }, element("figcaption", { class: "view-title" }, title), table, ...(note ? [element("p", { class: "stage-words" }, note)] : [])) };
}

/**
 * @param {number} share from −1 to 1
 * @param {string} kind
 */
function barNodeOf(share, kind) {
  const bar = element("span", { class: `class-bar class-${kind} ${share < 0 ? "is-minus" : "is-plus"}` });
  const [from, to] = kind === "gradient" ? [50 + 50 * Math.min(share, 0), 50 + 50 * Math.max(share, 0)] : [0, 100 * share];
  bar.style.left = `${from}%`;
  bar.style.width = `${to - from}%`;
  return element("span", { class: `class-track class-track-${kind}` }, bar);
}

/**
 * @param {string} head
 * @param {Tensor} tensor
 * @param {number} row
 * @param {BarColumn["kind"]} [kind]
 * @returns {BarColumn}
 */
function columnFor(head, tensor, row, kind) {
  const values = rowOf(tensor, row);
  return { head, values, refs: values.map((_, unit) => cellRef(tensor, row * values.length + unit)), ...(kind ? { kind } : {}) };
}

/**
 * @param {StageContext} context
 * @param {Op} op
 */
function softmaxPart(context, op) {
  const { trace, sample } = context;
  const [scores, shares] = [op.reads[0], op.writes[0]];
  const row = trueRow(trace, scores, sample);
  const score = columnFor(tensorTitle(scores), scores, row);
  const powers = { head: `exp(${tensorTitle(scores)})`, refs: score.refs, values: score.values.map(Math.exp) };
  const sum = powers.values.reduce((all, value) => all + value, 0);
  return classTable(context, { title: text("stage.softmax"), sample, columns: [score, powers, columnFor(tensorTitle(shares), shares, row, "probability")], note: text("stage.softmax_sum", { sum: format(sum) }) });
}

/**
 * @param {StageContext} context
 * @param {Op} op
 */
function lossPart(context, op) {
  const { trace, sample } = context;
  const scores = op.reads[0];
  const output = outputOf(trace);
  const shares = output !== scores && String(output.shape) === String(scores.shape) ? output : op.writes[1] ?? scores;
  const p = valueAt(shares, trueCell(trace, shares, sample));
  const row = trueRow(trace, scores, sample);
  const loss = Number(op.writes[0].data?.[row]);
  const name = className(trace, trueClass(trace, sample));
  return classTable(context, { title: text("stage.loss"), sample, columns: [columnFor(tensorTitle(scores), scores, row), columnFor(tensorTitle(shares), shares, row, "probability")], note: text("stage.loss_note", { name, p: format(p), loss: format(loss) }) });
}

/**
 * @param {StageContext} context
 * @param {Op} op
 */
function errorPart(context, op) {
  const { trace, sample } = context;
  const [shares, truth] = op.reads;
  const row = trueRow(trace, shares, sample);
  return classTable(context, { title: text("stage.error"), sample, columns: [columnFor("p", shares, row), columnFor("y", truth, row), columnFor("p − y", op.writes[0], row, "gradient")], note: text("stage.error_note") });
}
