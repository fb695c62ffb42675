// The network as stages for the strip at the top of the explain page: the input, what every layer makes of it, the loss.

import { text } from "./messages.js";
import { additionTitle, blocksIn, isInBlock } from "./residual.js";
import { writeRef, selection } from "./selection.js";

/** @import {Op, Step, Tensor, Trace, View} from "./trace.js" */
/** @import {FlowOptions, Stage} from "./flow.js" */
/** @typedef {{tensor: Tensor, title: string, kind: "probability" | null}} Stop */

const PROBABILITIES = ["softmax", "sigmoid"];
const SAME = ["cast", "reshape", "identity", "broadcast_to"]; // the same numbers once more

/**
 * The stops of the strip. A layer without weights is one, if it computes anything; in a layer with weights every result is.
 * @param {Trace} trace
 * @returns {Stop[]}
 */
export function stopsOf(trace) {
  const stops = trace.tensors.filter((tensor) => tensor.role === "input" && !trace.opWriting(tensor)).map((tensor) => stopOf(tensor, "input"));
  const blocks = blocksIn(trace);
  for (const step of trace.steps.filter((one) => one.phase === "forward" && !isInBlock(blocks, one))) {
    const added = blocks.has(step.path) && step.ops.find(({ op }) => op === "add");
    if (added) {
      stops.push(stopOf(step.ops[step.ops.length - 1].writes[0], additionTitle(trace, step), added));
      continue;
    }
    const weighted = (/** @type {Op | Step} */ { reads }) => reads.some(({ role }) => role === "param");
    const ops = weighted(step) ? step.ops : step.ops.slice(-1);
    for (const op of ops.filter((other) => !SAME.includes(other.op))) {
      stops.push(stopOf(op.writes[0], weighted(op) || !weighted(step) ? step.title : op.op, op));
    }
  }
  const loss = trace.tensor(trace.meta.loss_ref);
  return [...stops, ...(loss ? [stopOf(loss, "loss")] : [])].filter(({ tensor }) => tensor.data);
}

/**
 * @param {Tensor} tensor
 * @param {string} title
 * @param {Op | null} [op]
 * @returns {Stop}
 */
function stopOf(tensor, title, op = null) {
  return { tensor, title, kind: op && PROBABILITIES.includes(op.op) ? "probability" : null };
}

/**
 * What the strip shows at a moment: the values of the chosen sample, and the gradients that were found by then.
 * @param {Trace} trace
 * @param {Stop[]} stops
 * @param {View} view
 * @returns {FlowOptions}
 */
export function stripAt(trace, stops, view) {
  const { moment } = view;
  const { reads, writes } = moment.ops.length > 1 || moment.step.ops.length === 1 ? moment.step : moment.op;
  const touched = (/** @type {Tensor[]} */ tensors) => stops.filter(({ tensor }) => tensors.some((other) => other === tensor || other.id === tensor.grad)).map(({ tensor }) => tensor.ref);
  const direction = moment.phase === "backward" ? "backward" : moment.phase === "update" ? null : "forward";
  return { stages: stops.map((stop) => ({ ...stageOf(trace, stop, view), note: reasonForNone(trace, stops, stop.tensor, view) })), read: touched(reads), written: touched(writes), direction };
}

/**
 * @param {Trace} trace
 * @param {Stop} stop
 * @param {View} view
 * @returns {Stage}
 */
function stageOf(trace, { tensor, title, kind }, view) {
  const sample = trace.sampleOf(selection.get());
  const gradient = trace.gradientOf(tensor);
  const { image } = trace.meta;
  return {
    id: tensor.ref, title, image, value: sliceOf(trace, tensor, sample),
    gradient: gradient?.data && isFound(trace, gradient, view) ? sliceOf(trace, gradient, sample) : null,
    ...(kind ? { kind } : {}),
  };
}

/**
 * Why a stage never gets a gradient, once the error flows back: nothing before it learns, or the loss is computed from
 * the scores before it.
 * @param {Trace} trace
 * @param {Stop[]} stops
 * @param {Tensor} tensor
 * @param {View} view
 */
function reasonForNone(trace, stops, tensor, { moment }) {
  if (moment.phase === "forward" || moment.phase === "loss" || tensor.grad !== null) return "";
  const scores = trace.opWriting(tensor)?.reads.find((read) => trace.opsReading(read).some(({ phase }) => phase === "loss"));
  const name = scores?.grad === null ? undefined : stops.find((stop) => stop.tensor === scores)?.title;
  return name === undefined ? text("strip.not_needed") : text("strip.fused", { name });
}

/** @type {WeakMap<Tensor, Map<number, ReturnType<typeof sliced>>>} */
const slices = new WeakMap();

/**
 * One sample of a tensor with a batch axis; the same object every time, so that what is known of it can be kept.
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @param {number} sample
 */
function sliceOf(trace, tensor, sample) {
  const known = slices.get(tensor) ?? new Map();
  slices.set(tensor, known);
  if (!known.has(sample)) known.set(sample, sliced(trace, tensor, sample));
  return known.get(sample);
}

/**
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @param {number} sample
 */
function sliced(trace, tensor, sample) {
  const [first, end] = trace.rangeOfSample(tensor, sample);
  const data = /** @type {Float32Array} */ (tensor.data).subarray(first, end);
  const shape = data.length === tensor.data?.length ? tensor.shape : [1, ...tensor.shape.slice(1)];
  return { ref: tensor.ref, role: tensor.role, axes: tensor.axes, shape, data };
}

/**
 * Whether a gradient is known by the end of a moment.
 * @param {Trace} trace
 * @param {Tensor} gradient
 * @param {View} view
 */
function isFound(trace, gradient, { moment }) {
  if (moment.phase === "forward" || moment.phase === "loss") return false;
  const op = trace.opWriting(gradient);
  return op === null || op.id <= Math.max(...moment.ops.map(({ id }) => id));
}

/**
 * Goes to the step that computed a stage's value, or its gradient where the tour is on its way back.
 * @param {Trace} trace
 * @param {string} ref
 */
export function visit(trace, ref) {
  const { granularity, route, pinned } = selection.get();
  const view = trace.view(selection.get());
  const tensor = /** @type {Tensor} */ (trace.tensor(ref));
  const gradient = trace.gradientOf(tensor);
  const wanted = gradient && isFound(trace, gradient, view) ? gradient : tensor;
  const op = trace.opWriting(wanted);
  const step = trace.moments(granularity, route).findIndex(({ ops }) => op && ops.includes(op));
  selection.set({ step: Math.max(step, 0), pinned: writeRef(wanted.ref, trace.usualCell(wanted, route, pinned)) });
}
