/**
 * The plane of two inputs: what the network says everywhere in it, where each hidden unit is zero, and where the hidden
 * layer moves the plane. All values are computed here from the forward rules of the trace.
 */

import { axesNode, axisMargin, linearMap, rangeOf } from "./axes.js";
import { boundary, classLegend, drawnSamples, markDress, markNode, sampleNote } from "./boundary.js";
import { element, vector } from "./element.js";
import { text } from "./messages.js";
import { forwardOps, outputOf, trueCell, trueClass, valueAt } from "./network.js";
import { columnsOf } from "./nodelink.js";
import { evaluate } from "./rules.js";
import { link, writeRef } from "./selection.js";

/** @import {NDArray} from "./language.js" */
/** @import {Range} from "./axes.js" */
/** @import {Tensor, Trace} from "./trace.js" */
/** @import {Part, StageContext} from "./zoom.js" */

const CELLS = 60;
const GRID_LINES = 13;
const PER_LINE = 33;
const MARGIN = 0.25;
const PLANE = 290;
const ROOM_AROUND = 120; // CSS pixels above and below a plane
const MARK_ROOM = 9;
const NUMBER_ROOM = 4.5; // half the size of a digit

/**
 * @param {StageContext} context
 * @returns {Part[]}
 */
export function boundaryParts(context) {
  const { trace } = context;
  const input = trace.tensors.find(({ role }) => role === "input");
  const columns = columnsOf(trace);
  if (!input || input.shape[1] !== 2 || !columns) return [];
  const planes = [inputPlane(context, input, columns[1].weights, columns.length > 2 ? columns[1].bias : null)];
  if (columns.length > 2 && columns[1].units > 1) planes.push(hiddenPlane(context, input, columns[1].value, columns[2].weights));
  return [{ node: element("div", { class: "stage-planes", "data-testid": "planes" }, ...planes) }];
}

// ---------------------------------------------------------------- the network anywhere

/**
 * A tensor of the forward pass for other inputs, by the rules of the operations before it.
 * @param {Trace} trace
 * @param {NDArray} points (points, inputs)
 * @param {Tensor} wanted
 * @param {(weight: Tensor) => Tensor} weightOf which version of a weight counts
 * @returns {Float64Array}
 */
export function forwardAt(trace, points, wanted, weightOf) {
  /** @type {Map<Tensor, NDArray>} */
  const values = new Map(trace.tensors.filter(({ role }) => role === "input").map((tensor) => [tensor, points]));
  for (const op of forwardOps(trace)) {
    const arrays = Object.fromEntries(op.reads.map((tensor, at) => [op.inputs[at], values.get(tensor) ?? { shape: tensor.shape, data: weightOf(tensor).data ?? [] }]));
    const found = evaluate(trace.statementsOf(op), arrays, op.attrs);
    op.writes.forEach((tensor, at) => values.set(tensor, found[op.outputs[at]]));
    if (values.get(wanted) && op.writes.includes(wanted)) break;
  }
  return /** @type {Float64Array} */ (values.get(wanted)?.data);
}

/**
 * The weights that hold at a stop of the tour: after the update of a layer its new ones.
 * @param {StageContext} context
 * @returns {(weight: Tensor) => Tensor}
 */
function weightsNow({ trace, view }) {
  const now = trace.steps.indexOf(view.moment.step);
  return (weight) => {
    const after = trace.versionOf(weight, 1);
    const op = after && trace.opWriting(after);
    const step = op && trace.stepOfOp.get(op);
    return after && step && trace.steps.indexOf(step) <= now ? after : weight;
  };
}

// ---------------------------------------------------------------- the input plane

/**
 * @param {Tensor} input
 * @param {number} axis
 * @returns {Range}
 */
function windowOf(input, axis) {
  const values = Array.from({ length: input.shape[0] }, (_, row) => valueAt(input, [row, axis]));
  const [low, high] = input.shape[0] > 1 ? [Math.min(...values), Math.max(...values)] : [Math.min(0, ...values), Math.max(1, ...values)];
  const margin = (high - low || 1) * MARGIN;
  return [low - margin, high + margin];
}

/**
 * @param {StageContext} context
 * @param {Tensor} input
 * @param {Tensor | null} weights of the first layer
 * @param {Tensor | null} biases
 */
function inputPlane(context, input, weights, biases) {
  const { trace } = context;
  const [x, y] = [windowOf(input, 0), windowOf(input, 1)];
  const output = outputOf(trace);
  const units = output.shape[1];
  const weightOf = weightsNow(context);
  const points = Float64Array.from({ length: 2 * CELLS * CELLS }, (_, at) => {
    const [row, column] = [Math.floor(at / 2 / CELLS), Math.floor(at / 2) % CELLS];
    const share = at % 2 ? 1 - (row + 0.5) / CELLS : (column + 0.5) / CELLS;
    const [low, high] = at % 2 ? y : x;
    return low + share * (high - low);
  });
  const data = forwardAt(trace, { shape: [CELLS * CELLS, 2], data: points }, output, weightOf);
  const isShare = Array.from(data).every((value) => value >= 0 && value <= 1);
  const [w, b] = [weights && weightOf(weights), biases && weightOf(biases)];
  const lines = w && b ? Array.from({ length: w.shape[1] }, (_, unit) => ({ a: valueAt(w, [0, unit]), b: valueAt(w, [1, unit]), c: valueAt(b, [unit]), name: text("stage.unit", { unit: String(unit) }) })) : [];
  return boundary({
    title: text("stage.input_plane"),
    array: { shape: units === 1 ? [CELLS, CELLS] : [CELLS, CELLS, units], data, ref: output.ref, role: "act" },
    kind: isShare ? "class" : "value",
    x: { range: x, label: columnName(trace, 0) },
    y: { range: y, label: columnName(trace, 1) },
    chosen: context.sample,
    ...(context.room ? { largest: context.room - ROOM_AROUND } : {}),
    points: samplePoints(input).map(([px, py], sample) => ({ x: px, y: py, kind: classOf(trace, sample), name: text("stage.sample_n", { sample: String(sample + 1) }), ref: writeRef(output.ref, trueCell(trace, output, sample)) })),
    classes: classesOf(trace),
    lines,
  }).node;
}

/**
 * @param {Trace} trace
 * @returns {string[]}
 */
function classesOf(trace) {
  const units = outputOf(trace).shape[1];
  return trace.meta.classes ?? Array.from({ length: Math.max(units, 2) }, (_, unit) => String(unit));
}

/**
 * @param {Trace} trace
 * @param {number} axis
 */
function columnName(trace, axis) {
  return trace.meta.columns?.[axis] ?? `x${axis + 1}`;
}

/**
 * @param {Trace} trace
 * @param {number} sample
 */
function classOf(trace, sample) {
  const target = trace.tensors.find(({ role }) => role === "target");
  return outputOf(trace).shape[1] === 1 ? Number((target?.data?.[sample] ?? 0) > 0.5) : trueClass(trace, sample);
}

/**
 * @param {Tensor} input
 * @returns {[number, number][]}
 */
function samplePoints(input) {
  return Array.from({ length: input.shape[0] }, (_, row) => [valueAt(input, [row, 0]), valueAt(input, [row, 1])]);
}

// ---------------------------------------------------------------- the hidden plane

/**
 * Where two hidden units put the plane: a grid of straight lines, bent by the layer, and the samples on it.
 * @param {StageContext} context
 * @param {Tensor} input
 * @param {Tensor} hidden
 * @param {Tensor | null} weights of the next layer
 */
function hiddenPlane(context, input, hidden, weights) {
  const { trace } = context;
  const weightOf = weightsNow(context);
  const axes = strongestUnits(weights ? weightOf(weights) : null, hidden.shape[1]);
  const at = (/** @type {number[][]} */ points) => {
    const found = forwardAt(trace, { shape: [points.length, 2], data: points.flat() }, hidden, weightOf);
    return points.map((_, row) => axes.map((unit) => found[row * hidden.shape[1] + unit]));
  };
  const isThere = (/** @type {number[]} */ place) => place.every(Number.isFinite); // broken weights lead nowhere
  const lines = gridLines(windowOf(input, 0), windowOf(input, 1)).map((line) => at(line).filter(isThere));
  const samples = at(samplePoints(input));
  const ranges = [0, 1].map((axis) => rangeOf([...lines.flat(), ...samples].map((place) => place[axis])));
  const plot = { left: axisMargin(ranges[1], PLANE), top: 24, width: PLANE - 24, height: PLANE - 24 };
  const [mapX, mapY] = [linearMap(ranges[0], plot.left, plot.left + plot.width), linearMap(ranges[1], plot.top + plot.height, plot.top)];
  const name = (/** @type {number} */ axis) => ({ range: ranges[axis], label: text("stage.unit", { unit: String(axes[axis]) }) });
  const [width, height] = [plot.left + plot.width + 12, plot.top + plot.height + 44];
  const drawing = vector("svg", { class: "hidden-plane", width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": text("stage.hidden_plane_words") });
  drawing.append(axesNode(plot, name(0), name(1), false));
  for (const line of lines) drawing.append(vector("polyline", { class: "hidden-line", points: line.map(([px, py]) => `${mapX(px).toFixed(1)},${mapY(py).toFixed(1)}`).join(" ") }));
  const marks = drawnSamples(samples.length, context.sample).filter((sample) => isThere(samples[sample]))
    .map((sample) => ({ sample, x: mapX(samples[sample][0]), y: mapY(samples[sample][1]), dress: markDress(samples.length, sample === context.sample) }));
  const labels = labelPlaces(marks);
  marks.forEach((mark, place) => drawing.append(sampleMark(trace, mark, labels[place])));
  const units = hidden.shape[1] > 2 ? text("stage.hidden_two", { count: hidden.shape[1] }) : "";
  return element("figure", { class: "view" }, element("figcaption", { class: "view-title" }, text("stage.hidden_plane")), drawing, element("p", { class: "view-status" }, text("stage.hidden_plane_words"), " ", units, " ", sampleNote(samples.length, context.sample)), classLegend(classesOf(trace)));
}

/**
 * The two units on which the next layer leans most.
 * @param {Tensor | null} weights
 * @param {number} units
 */
function strongestUnits(weights, units) {
  const pull = (/** @type {number} */ unit) => (weights ? Math.max(...Array.from({ length: weights.shape[1] }, (_, next) => Math.abs(valueAt(weights, [unit, next])))) : 0);
  const order = Array.from({ length: units }, (_, unit) => unit).sort((a, b) => pull(b) - pull(a));
  return order.slice(0, 2).sort((a, b) => a - b);
}

/**
 * @param {Range} x
 * @param {Range} y
 * @returns {number[][][]}
 */
function gridLines([left, right], [low, high]) {
  const share = (/** @type {number} */ at, /** @type {number} */ count) => at / (count - 1);
  const lines = Array.from({ length: GRID_LINES }, (_, at) => share(at, GRID_LINES));
  const along = Array.from({ length: PER_LINE }, (_, at) => share(at, PER_LINE));
  const place = (/** @type {number} */ u, /** @type {number} */ v) => [left + u * (right - left), low + v * (high - low)];
  return [...lines.map((u) => along.map((v) => place(u, v))), ...lines.map((v) => along.map((u) => place(u, v)))];
}

/** @typedef {{sample: number, x: number, y: number, dress: ReturnType<typeof markDress>}} SampleMark */

/**
 * Where the number of every mark is free of other marks and numbers: beside it, else above or below.
 * @param {SampleMark[]} marks
 * @returns {{x: number, y: number}[]} the middles
 */
function labelPlaces(marks) {
  const taken = marks.map(({ x, y }) => ({ x, y, half: MARK_ROOM, high: MARK_ROOM }));
  return marks.map(({ x, y, sample }) => {
    const half = NUMBER_ROOM * String(sample + 1).length;
    const aside = MARK_ROOM + half + 1;
    const places = [{ x: x + aside, y }, { x, y: y - 17 }, { x: x - aside, y }, { x, y: y + 17 }];
    const isFree = (/** @type {{x: number, y: number}} */ place) => taken.every((other) => Math.abs(place.x - other.x) >= half + other.half || Math.abs(place.y - other.y) >= NUMBER_ROOM + other.high);
    const found = places.find(isFree) ?? places[0];
    taken.push({ ...found, half, high: NUMBER_ROOM });
    return found;
  });
}

/**
 * A sample's mark with its number; a dot among many has none.
 * @param {Trace} trace
 * @param {SampleMark} mark
 * @param {{x: number, y: number}} label
 */
function sampleMark(trace, { sample, x, y, dress }, label) {
  const mark = markNode(classOf(trace, sample), x, y, { dress });
  if (dress === "is-dot") return mark;
  const output = outputOf(trace);
  const node = vector("g", { class: "hidden-sample", role: "button", "aria-label": text("stage.sample_n", { sample: String(sample + 1) }) }, mark, vector("text", { x: label.x, y: label.y + 4.5, "text-anchor": "middle" }, String(sample + 1)));
  return link(node, writeRef(output.ref, trueCell(trace, output, sample)));
}
