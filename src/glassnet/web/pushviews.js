/** At the layer of the scores: what every input adds to the score of the true class, and the way on from there. */

import { cellRef } from "./arrays.js";
import { cellSymbol } from "./chain.js";
import { element } from "./element.js";
import { text } from "./messages.js";
import { positionAt, scoreOf, trueCell, valueAt } from "./network.js";
import { formatSigned } from "./numbers.js";
import { pushesOf, pushOf } from "./pushes.js";
import { link, selection, writeRef } from "./selection.js";
import { isUnitGrid } from "./tensorviews.js";
import { waterfall } from "./waterfall.js";
import { inputName, slicePicture } from "./zoom.js";

/** @import {Op, Tensor, Trace} from "./trace.js" */
/** @import {Part, StageContext} from "./zoom.js" */

const PUSH_TERMS = 6;
const LARGEST_MAP_OF_PUSHES = 224;

/**
 * @param {Trace} trace
 * @param {number} unit
 */
export function className(trace, unit) {
  return trace.meta.classes?.[unit] ?? text("stage.unit", { unit: String(unit) });
}

/**
 * The input whose numbers push the scores, if this operation computes them behind at least one other layer.
 * @param {Trace} trace
 * @param {Op} op
 */
function pushingInput(trace, op) {
  const [input, ...others] = trace.tensors.filter((tensor) => tensor.role === "input" && !trace.opWriting(tensor));
  const isLast = op.op === "linear" && op.phase === "forward" && isUnitGrid(op.reads[1]) && op.writes[0] === scoreOf(trace) && op.reads[0] !== input;
  return isLast && !others.length ? input : undefined;
}

/**
 * Leads to the pictures of what pushed the true class; null where there are none.
 * @param {Trace} trace
 */
export function wayToPushes(trace) {
  const op = trace.ops.find((one) => pushingInput(trace, one));
  if (!op || !pushesOf(trace, 0).slopes.has(/** @type {Tensor} */ (pushingInput(trace, op)))) return null;
  return () => {
    selection.set({ granularity: "layer", step: trace.steps.findIndex(({ ops }) => ops.includes(op)), pinned: "" });
    document.querySelector("[data-testid=push]")?.scrollIntoView({ block: "center" });
  };
}

/**
 * What every input adds to the score of the true class, over all paths.
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part[]}
 */
export function pushParts(context, op) {
  const { trace, sample } = context;
  const input = pushingInput(trace, op);
  const pushes = pushesOf(trace, sample);
  const slopes = input && pushes.slopes.get(input);
  if (!slopes) return [];
  const inputs = slopes.length / input.shape[0];
  const added = Array.from({ length: inputs }, (_, at) => slopes[sample * inputs + at] * Number(input.data?.[sample * inputs + at]));
  const score = op.writes[0];
  const cell = trueCell(trace, score, sample);
  const name = className(trace, cell.at(-1) ?? 0);
  const total = { label: cellSymbol(score, cell), value: valueAt(score, cell), ref: cellRef(score, positionAt(score, cell)) };
  const [refOf, nameOf] = [(/** @type {number} */ at) => cellRef(input, sample * inputs + at), (/** @type {number} */ at) => inputName(trace, at, inputs)];
  const best = added.reduce((top, value, at) => (value > added[top] ? at : top), 0);
  const size = Math.min(LARGEST_MAP_OF_PUSHES, context.width - 20);
  const map = slicePicture({ title: text("stage.push_map", { name }), data: added, role: "act", kind: "value", image: context.image, size, refOf, nameOf }, context);
  const sum = waterfall({
    title: text("stage.push_sum", { name }), count: PUSH_TERMS,
    terms: added.map((value, at) => ({ label: nameOf(at), value, factors: [], ref: refOf(at) })),
    ...remainders(trace, pushes), total,
  });
  const words = element("p", { class: "stage-words", "data-testid": "push" }, text("stage.push_words", { pixel: nameOf(best), name, value: formatSigned(added[best]) }));
  const node = element(
    "section", { class: "stage-push" }, element("h2", { class: "stage-heading" }, text("stage.push_title", { name })),
    words, wayOn(context, refOf(best), nameOf(best)), element("div", { class: "stage-columns" }, map.node, sum.node),
  );
  return [{ node, mark: map.mark }];
}

/**
 * From the pixel to its weight: once the route leads through it, to the weight's gradient and to its update.
 * @param {StageContext} context
 * @param {string} pixel
 * @param {string} name
 */
function wayOn({ trace, route }, pixel, name) {
  const weight = route.map((ref) => trace.cell(ref)).find((found) => found?.tensor.role === "param");
  const [slope, after] = weight ? [trace.gradientOf(weight.tensor), trace.versionOf(weight.tensor, 1)] : [];
  if (!weight || !slope || !after || !route.includes(pixel)) {
    return element("p", { class: "stage-ways" }, link(element("button", { "data-testid": "push-follow" }, text("stage.push_follow", { pixel: name })), pixel));
  }
  const button = (/** @type {string} */ key, /** @type {Tensor} */ tensor, /** @type {string} */ pinned) => {
    const made = element("button", { type: "button", "data-testid": key.replace("_", "-") }, text(`stage.${key}`, { weight: cellSymbol(weight.tensor, weight.cell) }));
    made.addEventListener("click", () => {
      selection.set({ granularity: "layer", step: trace.steps.findIndex(({ writes }) => writes.includes(tensor)), pinned });
      document.querySelector(".stage")?.scrollIntoView({ block: "start" });
    });
    return made;
  };
  return element(
    "p", { class: "stage-ways", "data-testid": "push-followed" }, text("stage.push_followed", { pixel: name }), " ",
    button("push_gradient", slope, writeRef(slope.ref, weight.cell)), " ", button("push_update", after, ""),
  );
}

/**
 * What the biases push, and what bent functions add; nothing where there are none.
 * @param {Trace} trace
 * @param {import("./pushes.js").Pushes} pushes
 */
function remainders(trace, { slopes, bends }) {
  const biases = [...slopes].filter(([tensor]) => tensor.role !== "input" && !trace.opWriting(tensor));
  const bias = { label: text("stage.push_bias"), value: biases.reduce((sum, [tensor, found]) => sum + pushOf(tensor, found), 0), ref: null };
  const names = [...bends.keys()].join(", ");
  const bend = { label: text("stage.push_bend", { names }), value: [...bends.values()].reduce((sum, value) => sum + value, 0), ref: null };
  return { bias: biases.length ? bias : null, bend: bends.size ? bend : null };
}
