/** Fused operations that have a view of their own, in which they are opened. */

import { attentionParts } from "./attentionviews.js";
import { recurrentParts } from "./recurrentviews.js";

/** @import {Op, Tensor} from "./trace.js" */
/** @import {Part, StageContext} from "./zoom.js" */

/**
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part[] | null} null for all other operations
 */
export function openedParts(context, op) {
  return recurrentParts(context, op) ?? attentionParts(context, op);
}

/**
 * The opened operation of this moment to which a number belongs: as a result, or as the gradient of one.
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @returns {Part[] | null}
 */
export function openedAt(context, tensor) {
  const own = context.trace.sourceOf(tensor);
  for (const op of context.view.moment.ops) {
    const parts = [...op.writes, ...(op.backwardOf?.writes ?? [])].includes(own) || op.writes.includes(tensor) ? openedParts(context, op) : null;
    if (parts?.length) return parts;
  }
  return null;
}
