// What a recorded network computes: the operations of its forward pass, its answer, and the answer that is true.

import { indicesOf } from "./arrays.js";

/** @import {Op, Tensor, Trace} from "./trace.js" */

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
 * The class that a sample truly has: from class numbers, or the largest entry of a one-hot target; 0 for one output. Of
 * a sequence with a class at every step it is that of the last one that counts.
 * @param {Trace} trace
 * @param {number} sample
 */
export function trueClass(trace, sample) {
  const units = outputOf(trace).shape.at(-1) ?? 1;
  const target = trace.tensors.find(({ role }) => role === "target");
  if (units === 1 || !target?.data) return 0;
  const width = target.data.length / target.shape[0];
  const step = trueStep(trace, sample);
  if (width === 1 || step !== null) return Math.min(Math.max(target.data[sample * width + (step ?? 0)], 0), units - 1);
  const row = Array.from(target.data).slice(sample * width, (sample + 1) * width);
  return Math.min(row.indexOf(Math.max(...row)), units - 1);
}

/**
 * Where every step of a sequence has a class number: the last step whose label counts, which is not below 0.
 * @param {Trace} trace
 * @param {number} sample
 * @returns {number | null}
 */
export function trueStep(trace, sample) {
  const [, steps, units] = outputOf(trace).shape;
  const target = trace.tensors.find(({ role }) => role === "target");
  if (units === undefined || target?.shape.length !== 2 || target.shape[1] !== steps || !target.data) return null;
  return Math.max(0, Array.from(target.data).slice(sample * steps, (sample + 1) * steps).findLastIndex((label) => label >= 0));
}

/**
 * The row of a tensor shaped like the output, or like all its rows in one list, that holds the answer about a sample.
 * @param {Trace} trace
 * @param {{shape: number[]}} tensor
 * @param {number} sample
 */
export function trueRow(trace, tensor, sample) {
  const rows = sizeOfTensor(tensor) / (tensor.shape.at(-1) ?? 1);
  return (sample * rows) / trace.meta.samples + (rows > trace.meta.samples ? trueStep(trace, sample) ?? 0 : 0);
}

/**
 * The cell of the true class in a tensor shaped like the output.
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @param {number} sample
 */
export function trueCell(trace, tensor, sample) {
  if (tensor.shape.length < 2) return tensor.shape.map(() => trueClass(trace, sample));
  return indicesOf(trueRow(trace, tensor, sample) * (tensor.shape.at(-1) ?? 1) + trueClass(trace, sample), tensor.shape);
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
