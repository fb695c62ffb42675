/**
 * The route: one path of numbers through the network, from one input by one weight of each layer to the loss. Along it
 * the chain rule is a product of a few numbers; everything off the route is one remainder.
 *
 * By default it is the path that pushes the true class up most: from the output of the true class back to the input,
 * at every sum the term that helps it most.
 */

import { indicesOf } from "./arrays.js";
import { writeRef } from "./selection.js";

/** @import {Op, Tensor, Trace} from "./trace.js" */
/** @import {Addend} from "./rules.js" */
/** @typedef {{tensor: Tensor, cell: number[]}} Place */

const SCORED = ["softmax", "sigmoid"];

/**
 * The operations of the forward pass, without the parts of fused ones.
 * @param {Trace} trace
 * @returns {Op[]}
 */
export function forwardOps(trace) {
  return trace.ops.filter((op) => op.phase === "forward" && !op.insideOf);
}

/**
 * What the network answers: the last tensor of the forward pass.
 * @param {Trace} trace
 * @returns {Tensor}
 */
export function outputOf(trace) {
  return /** @type {Op} */ (forwardOps(trace).at(-1)).writes[0];
}

/**
 * The output before softmax or sigmoid, where a push is a plain sum.
 * @param {Trace} trace
 * @returns {Tensor}
 */
export function scoreOf(trace) {
  const last = /** @type {Op} */ (forwardOps(trace).at(-1));
  return SCORED.includes(last.op) ? last.reads[0] : last.writes[0];
}

/**
 * The class that a sample truly has: from class numbers, or the largest entry of a one-hot target; 0 for one output.
 * @param {Trace} trace
 * @param {number} sample
 */
export function trueClass(trace, sample) {
  const units = outputOf(trace).shape.at(-1) ?? 1;
  const target = trace.tensors.find(({ role }) => role === "target");
  if (units === 1 || !target?.data) return 0;
  const width = target.data.length / target.shape[0];
  if (width === 1) return Math.min(Math.max(target.data[sample], 0), units - 1);
  const row = Array.from(target.data).slice(sample * width, (sample + 1) * width);
  return Math.min(row.indexOf(Math.max(...row)), units - 1);
}

/**
 * The cell of the true class in a tensor shaped like the output.
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @param {number} sample
 */
export function trueCell(trace, tensor, sample) {
  const cell = tensor.shape.map(() => 0);
  if (cell.length > 1) cell[0] = sample;
  cell[cell.length - 1] = trueClass(trace, sample);
  return cell;
}

/**
 * The refs of a path, in the order of the computation: input, weight, sum, activation, ..., output, loss.
 * @param {Trace} trace
 * @param {{sample?: number, through?: string}} [wish] `through`: a cell that the path must pass: a unit, an input, a
 *   weight, or a gradient of one of these
 * @returns {string[]}
 */
export function strongestRoute(trace, { sample = worstSample(trace), through = "" } = {}) {
  const output = outputOf(trace);
  const { upper, before = earlierPlaces(trace, upper, wantedSign(trace, sample)).slice(0, -1) } =
    passedPlaces(trace, through, sample) ?? { upper: { tensor: output, cell: trueCell(trace, output, sample) } };
  const places = [...before, upper, ...laterPlaces(trace, upper)];
  return [...places, ...lossPlaces(trace, places)].map(({ tensor, cell }) => writeRef(tensor.ref, cell));
}

/**
 * The sample of the batch with the largest loss: the one from which most can be learnt.
 * @param {Trace} trace
 */
export function worstSample(trace) {
  const { samples } = trace.meta;
  const op = trace.ops.find(({ phase, insideOf, op: name, writes: [losses] }) => phase === "loss" && !insideOf && name !== "cast" && losses.shape.length > 0 && losses.shape[0] === samples);
  const losses = op?.writes[0].data;
  if (!losses) return 0;
  const width = losses.length / samples;
  const sums = Array.from({ length: samples }, (_, sample) => Array.from(losses).slice(sample * width, (sample + 1) * width).reduce((sum, value) => sum + value, 0));
  return sums.reduce((best, sum, sample) => (sum > sums[best] ? sample : best), 0);
}

/**
 * Whether the true answer lies above (1) or below (−1) what a single output says; a class is always pushed up.
 * @param {Trace} trace
 * @param {number} sample
 */
function wantedSign(trace, sample) {
  const output = outputOf(trace);
  const target = trace.tensors.find(({ role }) => role === "target");
  if ((output.shape.at(-1) ?? 1) > 1 || !target?.data) return 1;
  return target.data[sample] < valueAt(output, trueCell(trace, output, sample)) ? -1 : 1;
}

/**
 * Where a wish leads through, and for a weight all that comes before: it fixes both the number that it multiplies and
 * the sum that it goes into.
 * @param {Trace} trace
 * @param {string} through
 * @param {number} sample
 * @returns {{upper: Place, before?: Place[]} | null}
 */
function passedPlaces(trace, through, sample) {
  const found = trace.cell(through);
  if (!found) return null;
  const { cell } = found;
  const tensor = found.tensor.of === null ? found.tensor : trace.tensors[found.tensor.of];
  if (tensor.role === "act" || tensor.role === "input") {
    return forwardOps(trace).some(({ reads, writes }) => [...reads, ...writes].includes(tensor)) ? { upper: { tensor, cell } } : null;
  }
  const weights = trace.versionOf(tensor, 0);
  const op = weights && forwardOps(trace).find(({ reads }) => reads.includes(weights));
  if (!weights || !op || cell.length > 2) return null;
  const batch = op.writes[0].shape.slice(0, -1).map((_, axis) => (axis ? 0 : sample));
  const upper = { tensor: op.writes[0], cell: [...batch, cell.at(-1) ?? 0] };
  if (cell.length < 2) return { upper };
  const multiplied = { tensor: op.reads[0], cell: [...batch, cell[0]] };
  return { upper, before: [...earlierPlaces(trace, multiplied, 1), { tensor: weights, cell }] };
}

/**
 * From a number back to the input: at every sum the term that pushes it up most, or down where `sign` is −1. The last
 * place is the number itself.
 * @param {Trace} trace
 * @param {Place} place
 * @param {number} sign
 * @returns {Place[]}
 */
function earlierPlaces(trace, place, sign) {
  const op = trace.opWriting(place.tensor);
  const worked = op?.phase === "forward" ? trace.workCell(op, op.writes.indexOf(place.tensor), place.cell) : null;
  if (!op || !worked) return [place];
  const source = (/** @type {Addend} */ addend) => signalOf(trace, op, addend, place.cell);
  const reading = worked.addends.filter((addend) => source(addend));
  const inPlace = reading.filter((addend) => !addend.letters && String(source(addend)?.cell) === String(place.cell));
  const candidates = inPlace.length ? inPlace : reading; // an element-wise result comes from its own cell
  const best = candidates.reduce((a, b) => (sign * b.value > sign * a.value ? b : a), candidates[0]);
  if (!best) return [place];
  const signal = /** @type {Place} */ (source(best));
  const weights = best.sources.map(({ array, cell }) => ({ tensor: /** @type {Tensor} */ (trace.tensorNamed(op, array)), cell })).filter(({ tensor }) => tensor.role === "param");
  const turn = weights.reduce((product, { tensor, cell }) => product * (valueAt(tensor, cell) < 0 ? -1 : 1), sign);
  return [...earlierPlaces(trace, signal, turn), ...weights, place];
}

/**
 * The activation or input that a term reads; of several, the one in the same place as the result.
 * @param {Trace} trace
 * @param {Op} op
 * @param {Addend} addend
 * @param {number[]} cell
 * @returns {Place | null}
 */
function signalOf(trace, op, addend, cell) {
  const read = addend.sources
    .filter(({ role }) => role === "value")
    .map(({ array, cell: at }) => ({ tensor: /** @type {Tensor} */ (trace.tensorNamed(op, array)), cell: at }))
    .filter(({ tensor }) => tensor.role === "act" || tensor.role === "input");
  return read.find((place) => String(place.cell) === String(cell)) ?? read[0] ?? null;
}

/**
 * From a number on to the output: through the unit by which it pushes the true class most, to the true class.
 * @param {Trace} trace
 * @param {Place} place
 * @returns {Place[]} without the place itself
 */
function laterPlaces(trace, place) {
  const op = forwardOps(trace).find(({ reads }) => reads.includes(place.tensor));
  if (!op) return [];
  const result = op.writes[0];
  const weights = op.reads.find(({ role, shape }) => role === "param" && shape.length === 2);
  if (!weights) {
    const next = { tensor: result, cell: sameCell(place, result) };
    return [next, ...laterPlaces(trace, next)];
  }
  const sample = place.cell.length > 1 ? place.cell[0] : 0;
  const input = place.cell.at(-1) ?? 0;
  const unit = bestUnit(trace, { weights, result, input, sample, value: valueAt(place.tensor, place.cell) });
  const next = { tensor: result, cell: [...place.cell.slice(0, -1), unit] };
  return [{ tensor: weights, cell: [input, unit] }, next, ...laterPlaces(trace, next)];
}

/**
 * @param {Trace} trace
 * @param {{weights: Tensor, result: Tensor, input: number, sample: number, value: number}} from
 */
function bestUnit(trace, { weights, result, input, sample, value }) {
  const pushes = pushWeights(trace, sample).get(result);
  const units = weights.shape[1];
  if (result === scoreOf(trace) || !pushes) return trueClass(trace, sample) % units;
  const push = (/** @type {number} */ unit) => value * valueAt(weights, [input, unit]) * pushes[sample * units + unit];
  return Array.from({ length: units }, (_, unit) => unit).reduce((best, unit) => (push(unit) > push(best) ? unit : best), 0);
}

/**
 * @param {Place} place
 * @param {Tensor} result
 */
function sameCell({ tensor, cell }, result) {
  if (String(tensor.shape) === String(result.shape)) return cell;
  return indicesOf(positionAt(tensor, cell), result.shape);
}

/**
 * How the loss follows from the places of a path.
 * @param {Trace} trace
 * @param {Place[]} places
 * @returns {Place[]}
 */
function lossPlaces(trace, places) {
  const known = new Map(places.map(({ tensor, cell }) => [tensor, cell]));
  /** @type {Place[]} */
  const found = [];
  for (const op of trace.ops.filter(({ phase, insideOf }) => phase === "loss" && !insideOf)) {
    const read = op.reads.find((tensor) => known.has(tensor));
    if (!read) continue;
    const cell = (known.get(read) ?? []).slice(0, op.writes[0].shape.length);
    known.set(op.writes[0], cell);
    found.push({ tensor: op.writes[0], cell });
  }
  return found;
}

/**
 * The dense layer's own sum behind a number of it: of an activation the sum that it is a function of.
 * @param {Trace} trace
 * @param {Tensor} tensor of the forward pass
 * @returns {Op | null}
 */
export function linearBehind(trace, tensor) {
  const op = trace.opWriting(tensor);
  if (!op || op.phase !== "forward" || op.insideOf) return null;
  if (op.op === "linear") return op.reads[1].data && op.reads[1].shape.length === 2 ? op : null;
  return String(op.reads[0].shape) === String(tensor.shape) ? linearBehind(trace, op.reads[0]) : null;
}

/**
 * What happens to a tensor after that, number by number: its activation, for one.
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @returns {Op[]}
 */
export function followersOf(trace, tensor) {
  const op = forwardOps(trace).find(({ reads, writes }) => reads[0] === tensor && String(writes[0].shape) === String(tensor.shape));
  return op && op.op !== "linear" ? [op, ...followersOf(trace, op.writes[0])] : [];
}

// ---------------------------------------------------------------- pushes along all paths

/**
 * How strongly each number of the forward pass pushes the score of the true class: its slope, over all paths. A number
 * times its slope is its push. Between ReLU layers the pushes of the inputs and of the biases add up to the score.
 * @param {Trace} trace
 * @param {number} sample
 * @returns {Map<Tensor, Float64Array>} without the tensors behind an operation of unknown kind
 */
export function pushWeights(trace, sample) {
  const score = scoreOf(trace);
  const start = new Float64Array(sizeOfTensor(score));
  start[positionAt(score, trueCell(trace, score, sample))] = 1;
  /** @type {Map<Tensor, Float64Array>} */
  const slopes = new Map([[score, start]]);
  for (const op of forwardOps(trace).reverse()) {
    const after = slopes.get(op.writes[0]);
    const before = after && slopesThrough(trace, op, after);
    if (before) slopes.set(op.reads[0], before);
  }
  return slopes;
}

/**
 * @param {Trace} trace
 * @param {Op} op
 * @param {Float64Array} after
 * @returns {Float64Array | null}
 */
function slopesThrough(trace, op, after) {
  const [input, weights] = op.reads;
  if (op.op === "linear" && weights.data) return throughWeights(after, weights);
  if (sizeOfTensor(input) !== after.length || !input.data) return null;
  if (op.op === "reshape") return after;
  const [up, down] = [1, -1].map((way) => shiftedResult(trace, op, way * SLOPE_STEP));
  return up && down ? after.map((slope, position) => (slope * (up[position] - down[position])) / (2 * SLOPE_STEP)) : null;
}

const SLOPE_STEP = 1e-6;

/**
 * The result of an element-wise operation whose input is shifted a little.
 * @param {Trace} trace
 * @param {Op} op
 * @param {number} step
 */
function shiftedResult(trace, op, step) {
  const [input] = op.reads;
  const shifted = { ...input, data: Float64Array.from(input.data ?? [], (value) => value + step) };
  const again = { ...op, reads: [shifted, ...op.reads.slice(1)] };
  return trace.kernelsOf(again).find(({ output }) => output === 0)?.kernel.all() ?? null;
}

/**
 * @param {Float64Array} after
 * @param {Tensor} weights
 */
function throughWeights(after, { shape: [inputs, units], data }) {
  const before = new Float64Array((after.length / units) * inputs);
  for (let cell = 0; cell < after.length; cell += 1) {
    if (!after[cell]) continue;
    const [row, unit] = [Math.floor(cell / units), cell % units];
    for (let input = 0; input < inputs; input += 1) before[row * inputs + input] += after[cell] * (data?.[input * units + unit] ?? 0);
  }
  return before;
}

// ---------------------------------------------------------------- cells

/**
 * @param {{shape: number[]}} tensor
 * @param {number[]} cell
 */
export function positionAt({ shape }, cell) {
  return shape.reduce((position, size, axis) => position * size + cell[axis], 0);
}

/**
 * @param {Tensor} tensor
 * @param {number[]} cell
 */
export function valueAt(tensor, cell) {
  return tensor.data?.[positionAt(tensor, cell)] ?? Number.NaN;
}

/** @param {{shape: number[]}} tensor */
export function sizeOfTensor({ shape }) {
  return shape.reduce((product, length) => product * length, 1);
}
