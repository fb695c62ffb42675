/**
 * Attention, opened: the scores of every query on every key, their softmax, and how one query mixes the values; on the
 * way back, the gradient of the weights and of the scores. Scores are kept nowhere; they are computed anew.
 *
 * Shapes: q (N, T, H, D), k (N, S, K, D), v (N, S, K, E), weights p (N, H, T, S), y (N, T, H, E).
 */

import { cellOf, literal, sumOver, times } from "./expressions.js";
import { positionAt, valueAt } from "./network.js";
import { workCell } from "./rules.js";
import { agrees } from "./selfcheck.js";

/** @import {Arrays} from "./language.js" */
/** @import {Op, Tensor, Trace} from "./trace.js" */
/**
 * `queries`, `keys`, `features`, `size`: how many queries, keys, features of a value and of a query there are; `shared`:
 * how many heads of queries one head of keys serves.
 * @typedef {{op: Op, sample: number, heads: number, shared: number, queries: number, keys: number, features: number, size: number}} AttentionOp
 */
/** The query, key and feature of a head that the reader looks at. @typedef {{head: number, query: number, key: number, feature: number}} Look */

/**
 * The attention that an operation is, or through which it leads the gradient back; null for any other operation.
 * @param {Op} op
 * @param {number} sample
 * @returns {AttentionOp | null}
 */
export function attentionOf(op, sample) {
  const forward = op.phase === "backward" ? op.backwardOf : op;
  if (forward?.op !== "attention" || forward.phase !== "forward" || ![...forward.reads, ...forward.writes].every(({ data }) => data)) return null;
  const [q, k, v] = forward.reads;
  return { op: forward, sample, heads: q.shape[2], shared: q.shape[2] / k.shape[2], queries: q.shape[1], keys: k.shape[1], features: v.shape[3], size: q.shape[3] };
}

/**
 * Whether a query may look at a key.
 * @param {AttentionOp} attention
 * @param {Look} look
 */
export function mayLook({ op, sample }, { head, query, key }) {
  if (op.attrs.causal && key > query) return false;
  const mask = op.reads[3];
  const cell = [sample, head, query, key].map((place, axis) => Math.min(place, mask.shape[axis] - 1));
  return !op.attrs.masked || Boolean(valueAt(mask, cell));
}

/**
 * The share that survives the dropout of the weights, scaled up; 1 without dropout.
 * @param {AttentionOp} attention
 * @param {Look} look
 */
export function survival({ op, sample }, { head, query, key }) {
  const rate = Number(op.attrs.rate);
  return !rate ? 1 : valueAt(op.reads[4], [sample, head, query, key]) >= rate ? 1 / (1 - rate) : 0;
}

/**
 * @param {AttentionOp} attention
 * @param {Look} look
 */
export function weightAt({ op, sample }, { head, query, key }) {
  return valueAt(op.writes[1], [sample, head, query, key]);
}

/**
 * The score c q·k, worked out.
 * @param {AttentionOp} attention
 * @param {Look} look
 */
export function workedScore({ op, sample, shared }, { head, query, key }) {
  const body = times(literal(Number(op.attrs.scale)), sumOver("d", times(cellOf("q", sample, query, head, "d"), cellOf("k", sample, key, Math.floor(head / shared), "d"))));
  const [q, k] = op.reads;
  return { refs: { q: q.ref, k: k.ref }, worked: workCell([{ target: "z", indices: [], body }], "z", /** @type {Arrays} */ ({ q, k }), {}, []) };
}

/**
 * The scores of a head, query by query; those that are masked too.
 * @param {AttentionOp} attention
 * @param {number} head
 */
export function scoresOf(attention, head) {
  const { op, sample, queries, keys, size, shared } = attention;
  const [q, k] = op.reads;
  const at = (/** @type {Tensor} */ { shape, data }, /** @type {number} */ row, /** @type {number} */ own) => Array.from({ length: size }, (_, d) => Number(data?.[((sample * shape[1] + row) * shape[2] + own) * size + d]));
  const rows = Array.from({ length: keys }, (_, key) => at(k, key, Math.floor(head / shared)));
  return Float64Array.from(Array.from({ length: queries }, (_, query) => at(q, query, head)).flatMap((own) =>
    rows.map((row) => Number(op.attrs.scale) * row.reduce((sum, number, d) => sum + number * own[d], 0))));
}

/**
 * The weights of a query, computed anew from its scores.
 * @param {AttentionOp} attention
 * @param {Look} look
 * @param {ArrayLike<number>} scores of the head
 */
export function softmaxOf(attention, look, scores) {
  const { keys } = attention;
  const own = Array.from({ length: keys }, (_, key) => ({ score: scores[look.query * keys + key], allowed: mayLook(attention, { ...look, key }) }));
  const seen = own.some(({ allowed }) => allowed) ? own : own.map(() => ({ score: 0, allowed: true })); // nothing allowed: all alike
  const highest = Math.max(...seen.flatMap(({ score, allowed }) => (allowed ? [score] : [])));
  const powers = seen.map(({ score, allowed }) => (allowed ? Math.exp(score - highest) : 0));
  const sum = powers.reduce((all, power) => all + power, 0);
  return { powers, sum, highest, weights: powers.map((power) => power / sum) };
}

/**
 * Whether a weight computed anew is the recorded one.
 * @param {AttentionOp} attention
 * @param {Look} look
 * @param {number} found
 */
export function isRecorded({ op, sample }, { head, query, key }, found) {
  const p = op.writes[1];
  return agrees(p, positionAt(p, [sample, head, query, key]), found, 1);
}

// ---------------------------------------------------------------- the way back

/**
 * The gradients of a head's weights (after the dropout's share) and scores, query by query.
 * @param {Trace} trace
 * @param {AttentionOp} attention
 * @param {number} head
 * @returns {{weights: Float64Array, scores: Float64Array, means: number[], sizes: Float64Array} | null} `means`: of every
 *   query, the mean gradient of its weights; `sizes`: of the numbers whose differences the gradients of the scores are
 */
export function gradientsOf(trace, attention, head) {
  const { op, sample, queries, keys, features, shared } = attention;
  const g = trace.gradientOf(op.writes[0]);
  if (!g?.data) return null;
  const [v, extra] = [op.reads[2], trace.gradientOf(op.writes[1])];
  const look = (/** @type {number} */ at) => ({ head, query: Math.floor(at / keys), key: at % keys, feature: 0 });
  const weights = Float64Array.from({ length: queries * keys }, (_, at) => {
    const { query, key } = look(at);
    let sum = 0;
    for (let e = 0; e < features; e += 1) sum += valueAt(g, [sample, query, head, e]) * valueAt(v, [sample, key, Math.floor(head / shared), e]);
    return sum * survival(attention, look(at)) + (extra?.data ? valueAt(extra, [sample, head, query, key]) : 0);
  });
  const means = Array.from({ length: queries }, (_, query) => Array.from({ length: keys }, (_, key) => weights[query * keys + key] * weightAt(attention, { head, query, key, feature: 0 })).reduce((sum, part) => sum + part, 0));
  const scores = weights.map((weight, at) => (mayLook(attention, look(at)) ? weightAt(attention, look(at)) * (weight - means[look(at).query]) : 0));
  const sizes = weights.map((weight, at) => weightAt(attention, look(at)) * (Math.abs(weight) + Math.abs(means[look(at).query])));
  return { weights, scores, means, sizes };
}

/**
 * Whether the gradient of a query, computed anew from those of its scores, is the recorded one.
 * @param {Trace} trace
 * @param {AttentionOp} attention
 * @param {Look} look
 * @param {{scores: Float64Array, sizes: Float64Array}} found their gradients
 * @returns {boolean | null} null where it is not recorded
 */
export function leadsToQuery(trace, { op, sample, keys, size, shared }, { head, query }, { scores, sizes }) {
  const [q, k] = op.reads;
  const g = trace.gradientOf(q);
  if (!g?.data) return null;
  return Array.from({ length: size }, (_, d) => d).every((d) => {
    const over = (/** @type {(key: number) => number} */ part) => Array.from({ length: keys }, (_, key) => Number(op.attrs.scale) * part(key)).reduce((sum, value) => sum + value, 0);
    const factor = (/** @type {number} */ key) => valueAt(k, [sample, key, Math.floor(head / shared), d]);
    const value = over((key) => scores[query * keys + key] * factor(key));
    return agrees(g, positionAt(g, [sample, query, head, d]), value, over((key) => sizes[query * keys + key] * Math.abs(factor(key))));
  });
}
