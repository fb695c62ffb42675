// Sequences: what stands at each of their steps, in words or characters where the trace knows them.

import { forwardOps } from "./network.js";

/** @import {Op, Tensor, Trace} from "./trace.js" */

const VISIBLE = new Map(Object.entries({ " ": "␣", "\n": "⏎", "\t": "⇥", "": "∅" }));

/**
 * The names of the steps of a tensor (N, T, ...): of the ids that the network read, else their numbers from 0.
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @param {number} sample
 * @param {number} steps
 * @returns {string[]}
 */
export function stepNames(trace, tensor, sample, steps) {
  const { ids, isReversed } = idsBehind(trace, tensor);
  const numbers = Array.from({ length: steps }, (_, step) => String(step));
  if (!ids?.data || ids.shape.length !== 2 || ids.shape[1] !== steps || !ids.dtype.includes("int")) return numbers;
  const { data } = ids;
  const names = numbers.map((_, step) => tokenName(trace, data[sample * steps + step]));
  return isReversed ? names.reverse() : names;
}

/**
 * The ids of which a sequence was made, step by step; `isReversed`: from its end.
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @returns {{ids: Tensor | null, isReversed: boolean}}
 */
function idsBehind(trace, tensor) {
  if (tensor.role === "input") return { ids: tensor, isReversed: false };
  const op = trace.opWriting(tensor);
  if (!op) return { ids: null, isReversed: false };
  const before = op.reads.filter(({ role }) => role === "act" || role === "input").map((read) => idsBehind(trace, read)).find(({ ids }) => ids);
  return { ids: before?.ids ?? null, isReversed: Boolean(before?.isReversed) !== turnsTime(op) };
}

/**
 * Whether an operation reads the steps of a sequence from its end: x[:, ::-1].
 * @param {Op} op
 */
function turnsTime({ op, attrs }) {
  const steps = op === "get_item" && Array.isArray(attrs.key) ? attrs.key[1] : null;
  return Array.isArray(steps) && steps[2] === -1;
}

/**
 * A word or character by its number; of a table with one row per class it is the class.
 * @param {Trace} trace
 * @param {number} id
 */
function tokenName(trace, id) {
  const { tokens, classes } = trace.meta;
  const table = forwardOps(trace).find(({ op }) => op === "lookup")?.reads[0];
  const names = tokens ?? (table?.shape[0] === classes?.length ? classes : null);
  const name = names?.[id] ?? String(id);
  return VISIBLE.get(name) ?? name;
}
