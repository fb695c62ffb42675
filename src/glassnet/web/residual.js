// The stream of residuals: what a transformer block adds to what runs through it, x, + attention, + mlp.

import { text } from "./messages.js";

/** @import {Step, Trace} from "./trace.js" */

/**
 * The paths of layers that add what their own layers make of something to it: transformer blocks.
 * @param {Trace} trace
 * @returns {Set<string>}
 */
export function blocksIn({ steps }) {
  const forward = steps.filter(({ phase }) => phase === "forward");
  return new Set(forward.filter((step) => addsResidual(step) && forward.some(({ path }) => path.startsWith(`${step.path}/`))).map(({ path }) => path));
}

/** @param {Step} step */
function addsResidual({ path, ops }) {
  return path !== "" && ops.some(({ op, reads }) => op === "add" && reads.every(({ role, shape }) => role === "act" && String(shape) === String(reads[0].shape)));
}

/**
 * Whether a step lies inside a block, on the way to what the block adds.
 * @param {Set<string>} blocks
 * @param {Step} step
 */
export function isInBlock(blocks, { path }) {
  return [...blocks].some((block) => path.startsWith(`${block}/`));
}

/**
 * "+ attention" or "+ mlp", after what was last computed inside the block.
 * @param {Trace} trace
 * @param {Step} step of the block
 */
export function additionTitle({ steps }, step) {
  const before = steps.slice(0, step.id).reverse();
  const own = before.slice(0, before.findIndex(({ path }) => !path.startsWith(`${step.path}/`)));
  return text(own.some(({ ops }) => ops.some(({ op }) => op === "attention")) ? "residual.attention" : "residual.mlp");
}
