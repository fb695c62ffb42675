/**
 * The route: one path of numbers through the network, from one input by one weight of each layer to the loss. Along it
 * the chain rule is a product of a few numbers; everything off the route is one remainder.
 *
 * By default it is the path that pushes the true class up most: from the output of the true class back to the input,
 * at every sum the term that helps it most. explain/route.py finds the same one.
 */

import { indicesOf } from "./arrays.js";
import { forwardOps, outputOf, positionAt, scoreOf, trueCell, trueClass, valueAt } from "./network.js";
import { pushesOf } from "./pushes.js";
import { sourcesOf } from "./rules.js";
import { writeRef } from "./selection.js";
import { cellMet, isConvolution, movingWindow, pixelsMeeting, winnersOf } from "./windows.js";

/** @import {Op, Tensor, Trace} from "./trace.js" */
/** @import {Addend} from "./rules.js" */
/** @typedef {{tensor: Tensor, cell: number[]}} Place */

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
function worstSample(trace) {
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
  return target.data[(sample * target.data.length) / target.shape[0]] < valueAt(output, trueCell(trace, output, sample)) ? -1 : 1;
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
  const tensor = trace.sourceOf(found.tensor);
  if (tensor.role === "act" || tensor.role === "input") {
    return forwardOps(trace).some(({ reads, writes }) => [...reads, ...writes].includes(tensor)) ? { upper: { tensor, cell } } : null;
  }
  const weights = trace.versionOf(tensor, 0);
  const op = weights && forwardOps(trace).find(({ reads }) => reads.includes(weights));
  if (!weights || !op) return null;
  const tap = cell.length === 4 && isConvolution(op) ? placeOfTap(trace, op, cell, sample) : null;
  if (tap) return { upper: tap.upper, before: [...earlierPlaces(trace, tap.multiplied, 1), { tensor: weights, cell }] };
  if (cell.length > 2) return null;
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
  const turn = weights.reduce((product, { tensor, cell }) => product * (valueAt(tensor, cell) < 0 ? -1 : 1), sign * best.sign);
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
  const read = decisiveSources(addend)
    .filter(({ role }) => role === "value")
    .map(({ array, cell: at }) => ({ tensor: /** @type {Tensor} */ (trace.tensorNamed(op, array)), cell: at }))
    .filter(({ tensor }) => tensor.role === "act" || tensor.role === "input");
  return read.find((place) => String(place.cell) === String(cell)) ?? read[0] ?? null;
}

/**
 * What a term was read from; of a maximum only the number that won.
 * @param {Addend} addend
 */
function decisiveSources({ node, value, sign, sources }) {
  const winner = node.kind === "reduce" && node.how !== "sum" ? node.terms.find((term) => sign * term.value === value) : null;
  return winner ? sourcesOf(winner.node) : sources;
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
  const through = throughWindow(trace, op, place);
  if (through) return [...through, ...laterPlaces(trace, through[through.length - 1])];
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
 * From a cell of an image to the pixel through whose window it pushes the true class most; null for other operations.
 * @param {Trace} trace
 * @param {Op} op
 * @param {Place} place
 * @returns {Place[] | null}
 */
function throughWindow(trace, op, { tensor, cell }) {
  const window = movingWindow(op);
  if (!window) return null;
  const [result, [n, row, column, channel]] = [op.writes[0], cell];
  const meetings = pixelsMeeting(window[0], row).flatMap(({ pixel: p, tap: u }) => pixelsMeeting(window[1], column).map(({ pixel: q, tap: v }) => ({ p, q, u, v })));
  if (!meetings.length) return [];
  if (!isConvolution(op)) {
    const winners = winnersOf(op, window);
    const own = meetings.find(({ p, q }) => winners[positionAt(result, [n, p, q, channel])] === positionAt(tensor, cell)) ?? meetings[0];
    return [{ tensor: result, cell: [n, own.p, own.q, channel] }];
  }
  const weights = op.reads[1];
  const value = valueAt(tensor, cell);
  const ways = meetings.flatMap(({ p, q, u, v }) => Array.from({ length: result.shape[3] }, (_, filter) => ({ weight: [u, v, channel, filter], pixel: [n, p, q, filter] })));
  const best = largestPush(trace, result, n, ways, ({ weight }) => value * valueAt(weights, weight));
  return [{ tensor: weights, cell: best.weight }, { tensor: result, cell: best.pixel }];
}

/**
 * The way that pushes the true class most; the one of the largest term where slopes are unknown.
 * @template {{pixel: number[]}} Way
 * @param {Trace} trace
 * @param {Tensor} result
 * @param {number} sample
 * @param {Way[]} ways
 * @param {(way: Way) => number} term
 */
function largestPush(trace, result, sample, ways, term) {
  const slopes = pushesOf(trace, sample).slopes.get(result);
  const push = (/** @type {Way} */ way) => term(way) * (slopes ? slopes[positionAt(result, way.pixel)] : 1);
  return ways.reduce((best, way) => (push(way) > push(best) ? way : best), ways[0]);
}

/**
 * For a weight of a kernel: the place on the image where it pushes the true class most.
 * @param {Trace} trace
 * @param {Op} op
 * @param {number[]} cell
 * @param {number} sample
 * @returns {{multiplied: Place, upper: Place} | null}
 */
function placeOfTap(trace, op, [u, v, channel, filter], sample) {
  const window = movingWindow(op);
  const [image, weights] = op.reads;
  const result = op.writes[0];
  if (!window) return null;
  const ways = Array.from({ length: window[0].pixels * window[1].pixels }, (_, at) => {
    const [p, q] = [Math.floor(at / window[1].pixels), at % window[1].pixels];
    return { read: [sample, cellMet(window[0], p, u), cellMet(window[1], q, v), channel], pixel: [sample, p, q, filter] };
  }).filter(({ read }) => read[1] >= 0 && read[2] >= 0);
  if (!ways.length) return null;
  const weight = valueAt(weights, [u, v, channel, filter]);
  const best = largestPush(trace, result, sample, ways, ({ read }) => weight * valueAt(image, read));
  return { multiplied: { tensor: image, cell: best.read }, upper: { tensor: result, cell: best.pixel } };
}

/**
 * @param {Trace} trace
 * @param {{weights: Tensor, result: Tensor, input: number, sample: number, value: number}} from
 */
function bestUnit(trace, { weights, result, input, sample, value }) {
  const pushes = pushesOf(trace, sample).slopes.get(result);
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
