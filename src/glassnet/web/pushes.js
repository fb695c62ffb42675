/**
 * What pushed the score of the true class up: the slope of the score by every number of the forward pass, over all paths.
 * A number times its slope is its push. The pushes of the inputs and of the biases add up to the score, but for what
 * bent functions add: tanh(z) is not z times its slope.
 */

import { children, sizeOf } from "./language.js";
import { forwardOps, positionAt, scoreOf, trueCell } from "./network.js";
import { isConvolution, movingWindow, slopesBehindConvolution, winnersOf } from "./windows.js";

/** @import {Expr, Statement} from "./language.js" */
/** @import {Op, Tensor, Trace} from "./trace.js" */
/**
 * `slopes` holds no tensor of which some path leads through an operation that cannot be followed; `bends` is what the
 * results of an operation are more than its inputs times their slopes, by the operation's name.
 * @typedef {{slopes: Map<Tensor, Float64Array>, bends: Map<string, number>}} Pushes
 */

const SHIFT = 1e-6;
const BENT_AT_0 = new Set(["relu", "leaky_relu", "elu"]);
const SMALL_BEND = 1e-6;

/** @type {WeakMap<Trace, Map<number, Pushes>>} */
const knownPushes = new WeakMap();

/**
 * @param {Trace} trace
 * @param {number} sample
 * @returns {Pushes}
 */
export function pushesOf(trace, sample) {
  const samples = knownPushes.get(trace) ?? new Map();
  knownPushes.set(trace, samples);
  if (!samples.has(sample)) samples.set(sample, computedPushes(trace, sample));
  return samples.get(sample);
}

/**
 * @param {Trace} trace
 * @param {number} sample
 * @returns {Pushes}
 */
function computedPushes(trace, sample) {
  const score = scoreOf(trace);
  const start = new Float64Array(sizeOf(score.shape));
  start[positionAt(score, trueCell(trace, score, sample))] = 1;
  /** @type {Map<Tensor, Float64Array>} */
  const slopes = new Map([[score, start]]);
  /** @type {Map<string, number>} */
  const bends = new Map();
  /** @type {Set<Tensor>} */
  const lost = new Set();
  for (const op of forwardOps(trace).reverse()) {
    if (!op.writes.some((tensor) => slopes.has(tensor) || lost.has(tensor))) continue;
    const isOnlyWay = !op.writes.slice(1).some((tensor) => slopes.has(tensor) || lost.has(tensor)) && !lost.has(op.writes[0]);
    const after = isOnlyWay ? slopes.get(op.writes[0]) : undefined;
    const found = after && slopesThrough(trace, op, after);
    if (!after || !found) op.reads.forEach((tensor) => lost.add(tensor));
    else {
      for (const [tensor, before] of found) slopes.set(tensor, addTo(slopes.get(tensor), before));
      noteBend(bends, op, after, found);
    }
  }
  for (const tensor of lost) slopes.delete(tensor);
  return { slopes, bends };
}

/**
 * Slopes that an operation hands back to what it reads; null where it mixes cells in a way of its own.
 * @param {Trace} trace
 * @param {Op} op
 * @param {Float64Array} after
 * @returns {Map<Tensor, Float64Array> | null}
 */
function slopesThrough(trace, op, after) {
  const [input, weights, bias] = op.reads;
  if (!op.reads.every(({ data }) => data)) return null;
  if (op.op === "reshape") return new Map([[input, after]]);
  if (op.op === "linear" && weights.shape.length === 2) {
    const before = new Map([[input, throughWeights(after, weights)]]);
    return bias ? before.set(bias, sumOverRows(after, bias)) : before;
  }
  const window = movingWindow(op);
  if (window && isConvolution(op)) {
    const before = new Map([[input, slopesBehindConvolution(op, window, after)]]);
    return bias ? before.set(bias, sumOverRows(after, bias)) : before;
  }
  if (window) return new Map([[input, throughWinners(after, winnersOf(op, window), input)]]);
  if (!isCellByCell(trace.statementsOf(op), op)) return null;
  const isSum = op.op === "add" || op.op === "subtract"; // else a weight or a constant is a fixed factor
  const followed = new Set(op.reads.filter(({ role }) => role === "act" || role === "input" || isSum));
  return new Map([...followed].map((tensor) => [tensor, slopesBy(trace, op, after, tensor)]));
}

/**
 * @param {Float64Array} after
 * @param {number[]} winners
 * @param {Tensor} image
 */
function throughWinners(after, winners, { shape }) {
  const before = new Float64Array(sizeOf(shape));
  after.forEach((slope, pixel) => { before[winners[pixel]] += slope; });
  return before;
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

/**
 * @param {Float64Array} after
 * @param {Tensor} bias
 */
function sumOverRows(after, { shape: [units] }) {
  const before = new Float64Array(units);
  after.forEach((slope, cell) => { before[cell % units] += slope; });
  return before;
}

/**
 * Slopes by one tensor of an operation cell by cell: all its occurrences are shifted a little, up and down.
 * @param {Trace} trace
 * @param {Op} op
 * @param {Float64Array} after
 * @param {Tensor} tensor
 */
function slopesBy(trace, op, after, tensor) {
  const values = Float64Array.from(tensor.data ?? []);
  const [down, up] = [0, 1].map((way) => values.map((value) => stepsFrom(op, value)[way]));
  const [above, below] = [values.map((value, cell) => value + up[cell]), values.map((value, cell) => value - down[cell])].map((data) => {
    const reads = op.reads.map((read) => (read === tensor ? { ...tensor, data } : read));
    return trace.kernelsOf({ ...op, reads })[0].kernel.all();
  });
  const before = new Float64Array(values.length);
  const places = placesIn(tensor.shape, op.writes[0].shape);
  after.forEach((slope, cell) => {
    const at = places[cell];
    if (slope) before[at] += (slope * (above[cell] - below[cell])) / (up[at] + down[at]);
  });
  return before;
}

/**
 * How far a number is lowered and raised: not across a kink, and from a kink only to one side.
 * @param {Op} op
 * @param {number} value
 * @returns {[number, number]}
 */
function stepsFrom(op, value) {
  const step = SHIFT * Math.max(1, Math.abs(value));
  let [down, up] = [step, step];
  for (const { at, takesBelow } of kinksOf(op)) {
    if (value < at || (takesBelow && value === at)) up = Math.min(up, at - value);
    else down = Math.min(down, value - at);
  }
  return [down, up];
}

/**
 * Where the curve of an operation has a kink, and which slope its own derivative takes there: relu′(0) = 0 is that from
 * below. Where it takes the mean of both sides, as for |x|, nothing need be said.
 * @param {Op} op
 * @returns {{at: number, takesBelow: boolean}[]}
 */
function kinksOf({ op, attrs }) {
  if (BENT_AT_0.has(op)) return [{ at: 0, takesBelow: true }];
  if (op === "clip") return [{ at: Number(attrs.x_min), takesBelow: false }, { at: Number(attrs.x_max), takesBelow: true }];
  return [];
}

/**
 * For every cell of a result, the position in an array that is broadcast to it.
 * @param {number[]} shape
 * @param {number[]} result
 */
function placesIn(shape, result) {
  const lengths = [...result.slice(shape.length).map(() => 1), ...shape];
  const offset = result.length - lengths.length;
  return Array.from({ length: sizeOf(result) }, (_, cell) => {
    let [rest, place, stride] = [cell, 0, 1];
    for (let axis = result.length - 1; axis >= offset; axis -= 1) {
      const length = lengths[axis - offset];
      place += length > 1 ? (rest % result[axis]) * stride : 0;
      stride *= length;
      rest = Math.floor(rest / result[axis]);
    }
    return place;
  });
}

// ---------------------------------------------------------------- which operations

/**
 * Whether every number of the result is made of the numbers in its own place: of each input one, by broadcasting.
 * @param {Statement[]} statements
 * @param {Op} op
 */
function isCellByCell(statements, { inputs, reads, writes }) {
  if (statements.length !== 1 || reads.some(({ shape }) => shape.length > writes[0].shape.length)) return false;
  const place = statements[0].indices.map(String);
  /** @type {(indices: Expr[]) => boolean} */
  const isInPlace = (indices) => indices.map(String).join(" ") === place.slice(place.length - indices.length).join(" ");
  /** @type {(node: Expr) => boolean} */
  const staysInPlace = (node) => {
    if (node[0] === "reduce") return false;
    if (node[0] === "read") return isInPlace(node[2]);
    if (node[0] === "name" && inputs.includes(node[1])) return isInPlace([["dots"]]);
    return children(node).every(staysInPlace);
  };
  return staysInPlace(statements[0].body);
}

/**
 * @param {Map<string, number>} bends
 * @param {Op} op
 * @param {Float64Array} after
 * @param {Map<Tensor, Float64Array>} before
 */
function noteBend(bends, { op, writes: [result] }, after, before) {
  const straight = [...before].reduce((sum, [tensor, slopes]) => sum + pushOf(tensor, slopes), 0);
  const bend = pushOf(result, after) - straight;
  const size = after.reduce((sum, slope, cell) => sum + Math.abs(slope * Number(result.data?.[cell])), 0);
  if (Math.abs(bend) > SMALL_BEND * size) bends.set(op, (bends.get(op) ?? 0) + bend);
}

/**
 * What all numbers of a tensor push together.
 * @param {Tensor} tensor
 * @param {Float64Array} slopes
 */
export function pushOf({ data }, slopes) {
  return slopes.reduce((sum, slope, cell) => sum + (slope ? slope * Number(data?.[cell]) : 0), 0);
}

/**
 * @param {Float64Array | undefined} sum
 * @param {Float64Array} more
 */
function addTo(sum, more) {
  return sum ? sum.map((value, cell) => value + more[cell]) : more;
}
