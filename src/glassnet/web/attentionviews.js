/**
 * Attention opened on the stage: its heads, the scores and weights of one of them, what one query looks at, and how the
 * values are mixed; on the way back, which weights would help.
 */

import { attentionOf, gradientsOf, isRecorded, leadsToQuery, mayLook, scoresOf, softmaxOf, survival, weightAt, workedScore } from "./attention.js";
import { element } from "./element.js";
import { formulaWithNumbers } from "./formula.js";
import { namedGrid } from "./grid.js";
import { latex } from "./latex.js";
import { text } from "./messages.js";
import { trueStep, valueAt } from "./network.js";
import { format, formatSigned } from "./numbers.js";
import { checkedNode } from "./recurrentviews.js";
import { link, readRef, writeRef } from "./selection.js";
import { stepNames } from "./sequence.js";
import { thumbnail } from "./thumbnail.js";
import { waterfall } from "./waterfall.js";
import { equationNode, tensorTitle } from "./zoom.js";

/** @import {AttentionOp, Look} from "./attention.js" */
/** @import {Op} from "./trace.js" */
/** @import {Part, StageContext} from "./zoom.js" */
/** What all parts draw from. @typedef {{context: StageContext, attention: AttentionOp, look: Look, queries: string[], keys: string[]}} Drawn */

const HEAD_PICTURE = 64;
const SQUARE_HEIGHT = 320;
const FRAME_SPACE = 44;
const ACROSS_FROM = 560;
const MOST_KEYS = 16;
const FEW_KEYS = 8;
const TERMS_OF_SCORE = 4;

/**
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part[] | null} null for operations that are no attention
 */
export function attentionParts(context, op) {
  const attention = attentionOf(op, context.sample);
  if (!attention) return null;
  const { ops } = context.view.moment;
  if (op !== attention.op && ops.length === 1) return null; // step by step, each with its own picture
  if (op !== attention.op && ops.find(({ backwardOf, op: name }) => backwardOf === attention.op && name === "matmul") !== op) return []; // drawn with the first product
  const [q, k] = attention.op.reads;
  const drawn = {
    context, attention, look: lookAt(context, attention),
    queries: stepNames(context.trace, q, attention.sample, attention.queries), keys: stepNames(context.trace, k, attention.sample, attention.keys),
  };
  const chooser = { node: headsNode(drawn) };
  return op === attention.op ? [chooser, ...forwardViews(drawn)] : [chooser, ...backwardViews(drawn)];
}

/**
 * What the reader looks at: the pinned cell of the weights or of the result, else the last query that counts.
 * @param {StageContext} context
 * @param {AttentionOp} attention
 * @returns {Look}
 */
function lookAt({ trace, selected, sample }, attention) {
  const [y, p] = attention.op.writes;
  const { tensor: ref, cell } = readRef(selected.pinned);
  const tensor = trace.byRef.get(ref);
  const own = tensor && trace.sourceOf(tensor);
  const query = Math.min(trueStep(trace, sample) ?? attention.queries - 1, attention.queries - 1);
  const look = own === p && cell.length === 4 ? { head: cell[1], query: cell[2], key: cell[3], feature: 0 }
    : own === y && cell.length === 4 ? { head: cell[2], query: cell[1], key: -1, feature: cell[3] } : { head: 0, query, key: -1, feature: 0 };
  return look.key < 0 ? { ...look, key: strongestKey(attention, look) } : look;
}

/**
 * @param {AttentionOp} attention
 * @param {Look} look
 */
function strongestKey(attention, look) {
  return Array.from({ length: attention.keys }, (_, key) => key).reduce((best, key) => (weightAt(attention, { ...look, key }) > weightAt(attention, { ...look, key: best }) ? key : best), 0);
}

/**
 * The ref of a weight.
 * @param {Drawn} drawn
 * @param {Partial<Look>} [other]
 */
function weightRef({ attention: { op, sample }, look }, other = {}) {
  const { head, query, key } = { ...look, ...other };
  return writeRef(op.writes[1].ref, [sample, head, query, key]);
}

/**
 * All heads as small pictures of their weights; one is chosen.
 * @param {Drawn} drawn
 */
function headsNode(drawn) {
  const { context, attention, look } = drawn;
  const { queries, keys, heads, sample, op: { writes: [, p] } } = attention;
  const buttons = Array.from({ length: heads }, (_, head) => {
    const start = (sample * heads + head) * queries * keys;
    const data = Float64Array.from({ length: queries * keys }, (_, at) => Number(p.data?.[start + at]));
    const picture = thumbnail({ array: { shape: [queries, keys], data, ref: p.ref, role: "act" }, size: HEAD_PICTURE, kind: "probability", limit: 1 });
    const button = element("button", { type: "button", class: "head-choice", "aria-pressed": String(head === look.head) }, picture, element("span", {}, text("attention.head", { head: String(head) })));
    button.addEventListener("click", () => context.pick(weightRef(drawn, { head, key: strongestKey(attention, { ...look, head }) })));
    return button;
  });
  return element("div", { class: "head-choices", role: "group", "aria-label": text("attention.heads"), "data-testid": "heads" }, ...buttons);
}

/**
 * Queries down, keys across.
 * @param {Drawn} drawn
 * @param {{title: string, role: string, kind: import("./scale.js").ScaleKind, data: ArrayLike<number>, limit?: number}} shown
 */
function squareGrid(drawn, { title, role, kind, data, limit }) {
  const { context, attention, look, queries, keys } = drawn;
  const { keys: across } = attention;
  const width = (context.width > ACROSS_FROM ? (context.width - 24) / 2 : context.width) - FRAME_SPACE;
  return namedGrid({
    title, role, kind, data, ...(limit ? { limit } : {}), rows: queries, columns: keys, size: [width, SQUARE_HEIGHT], chosen: { row: look.query, column: look.key },
    masked: (at) => !mayLook(attention, { ...look, query: Math.floor(at / across), key: at % across }),
    refOf: (at) => weightRef(drawn, { query: Math.floor(at / across), key: at % across }),
  }, context);
}

/**
 * @param {Required<Part>[]} parts
 * @param {string} name
 * @returns {Part}
 */
function sideBySide(parts, name) {
  return { node: element("div", { class: "gates-grids", "data-testid": name }, ...parts.map(({ node }) => node)), mark: (refs) => parts.forEach(({ mark }) => mark(refs)) };
}

// ---------------------------------------------------------------- forward

/**
 * @param {Drawn} drawn
 * @returns {Part[]}
 */
function forwardViews(drawn) {
  const { attention, look } = drawn;
  const { queries, keys } = attention;
  const scores = scoresOf(attention, look.head);
  const weights = Float64Array.from({ length: queries * keys }, (_, at) => weightAt(attention, { ...look, query: Math.floor(at / keys), key: at % keys }));
  return [
    sideBySide([
      squareGrid(drawn, { title: text("attention.scores"), role: "act", kind: "value", data: scores }),
      squareGrid(drawn, { title: text("attention.weights"), role: "act", kind: "probability", data: weights, limit: 1 }),
    ], "attention"),
    { node: queryNode(drawn, scores) }, { node: scoreNode(drawn, scores) }, ...mixtureParts(drawn),
  ];
}

/**
 * The keys that a query looks at, strongest first, where there are many only those; masked ones say so.
 * @param {Drawn} drawn
 * @param {ArrayLike<number>} scores
 */
function queryNode(drawn, scores) {
  const { context, attention, look, queries, keys } = drawn;
  const all = Array.from({ length: attention.keys }, (_, key) => key);
  const weight = (/** @type {number} */ key) => weightAt(attention, { ...look, key });
  const shown = all.length > MOST_KEYS ? [...all].sort((a, b) => weight(b) - weight(a)).slice(0, MOST_KEYS).sort((a, b) => a - b) : all;
  const rest = all.filter((key) => !shown.includes(key));
  const rows = shown.map((key) => {
    const isAllowed = mayLook(attention, { ...look, key });
    const bar = element("span", { class: "class-bar class-probability is-plus" });
    bar.style.width = `${100 * weight(key)}%`;
    const number = link(element("span", {}, format(weight(key))), weightRef(drawn, { key }));
    const choose = element("button", { type: "button", class: "sample-choice key-choice", "aria-pressed": String(key === look.key) }, keys[key]);
    choose.addEventListener("click", () => context.pick(weightRef(drawn, { key })));
    return element("tr", { class: isAllowed ? "" : "is-masked" }, element("td", { class: "number" }, String(key)), element("th", { scope: "row" }, choose),
      element("td", { class: "number" }, isAllowed ? format(scores[look.query * attention.keys + key]) : element("span", { class: "masked-word" }, text("attention.masked"))),
      element("td", { class: "class-lane", "aria-hidden": "true" }, element("span", { class: "class-track" }, bar)), element("td", { class: "number" }, number));
  });
  const head = ["position", "key", "score", "bar", "weight"].map((name) => element("th", { scope: "col", class: name === "bar" ? "class-lane" : name === "key" ? "" : "number" }, element("span", name === "bar" ? { class: "visually-hidden" } : {}, text(`attention.${name}`))));
  const more = rest.length ? [element("p", { class: "stage-words" }, text("attention.rest", { count: rest.length, value: format(rest.reduce((sum, key) => sum + weight(key), 0)) }))] : [];
  return element("figure", { class: "view classes", "data-testid": "query" }, element("figcaption", { class: "view-title" }, text("attention.query", { position: String(look.query), token: queries[look.query], head: String(look.head) })),
    element("table", { class: "class-table" }, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)), ...more);
}

/**
 * Score and weight of one query on one key, with their numbers.
 * @param {Drawn} drawn
 * @param {ArrayLike<number>} scores
 */
function scoreNode(drawn, scores) {
  const { attention, look, queries, keys } = drawn;
  const { worked, refs } = workedScore(attention, look);
  const { powers, sum, highest, weights } = softmaxOf(attention, look, scores);
  const value = weightAt(attention, look);
  const title = element("h2", { class: "stage-heading" }, text("attention.pair", { query: queries[look.query], key: keys[look.key] }));
  const row = (/** @type {string} */ name, /** @type {string} */ formula, /** @type {(Node | string)[]} */ ...numbers) => element("div", { class: "gate", "data-gate": name }, element("div", { class: "gate-formula" }, latex(formula)), element("div", { class: "gate-numbers" }, element("span", { class: "gate-sum" }, `${name} =`), element("div", {}, ...numbers)));
  const score = row("z", "z_{ts} = c\\,\\sum_d q_{td}\\,k_{sd}", formulaWithNumbers(worked, { refs, terms: TERMS_OF_SCORE }));
  const isAllowed = mayLook(attention, look);
  const shift = highest ? ` − ${highest < 0 ? `(${format(highest)})` : format(highest)}` : "";
  const fraction = isAllowed ? `exp(${format(worked.value)}${shift}) / ${format(sum)} = ${format(powers[look.key])} / ${format(sum)} = ` : `${text("attention.masked_weight")} `;
  const weight = row("p", "p_{ts} = \\exp(z_{ts} - m) / \\sum_r \\exp(z_{tr} - m)", fraction, link(element("span", { class: "gate-value" }, format(value)), weightRef(drawn)), " ", checkedNode(isRecorded(attention, look, weights[look.key]), weights[look.key]));
  return element("section", { class: "gates", "data-testid": "score" }, title, score, weight);
}

/**
 * The weights of the query times the values: what it takes with it.
 * @param {Drawn} drawn
 * @returns {Part[]}
 */
function mixtureParts(drawn) {
  const { context, attention, look, queries, keys } = drawn;
  const { op: { reads: [, , v], writes: [y] }, sample, features, shared, keys: count } = attention;
  const from = Math.floor(look.head / shared);
  const resultRef = (/** @type {number} */ feature) => writeRef(y.ref, [sample, look.query, look.head, feature]);
  const names = Array.from({ length: features }, (_, feature) => String(feature));
  const size = /** @type {[number, number]} */ ([context.width - FRAME_SPACE, Math.min(SQUARE_HEIGHT, 20 * count)]);
  const values = namedGrid({
    title: text("attention.values", { name: tensorTitle(v), head: String(from) }), role: v.role, kind: "value", rows: keys, columns: names, size, widest: 28, chosen: { column: look.feature, row: look.key }, plain: true,
    data: Float64Array.from({ length: count * features }, (_, at) => valueAt(v, [sample, Math.floor(at / features), from, at % features])),
    refOf: (at) => writeRef(v.ref, [sample, Math.floor(at / features), from, at % features]),
  }, { ...context, pick: (ref) => context.pick(resultRef(readRef(ref).cell[3])) });
  const result = namedGrid({
    title: text("attention.result", { name: tensorTitle(y), query: queries[look.query] }), role: y.role, kind: "value", rows: [queries[look.query]], columns: names, size, widest: 28, chosen: { column: look.feature },
    data: Float64Array.from({ length: features }, (_, feature) => valueAt(y, [sample, look.query, look.head, feature])), refOf: resultRef,
  }, context);
  const parts = Array.from({ length: count }, (_, key) => {
    const [weight, value] = [weightAt(attention, { ...look, key }) * survival(attention, { ...look, key }), valueAt(v, [sample, key, from, look.feature])];
    return { label: `${key} “${keys[key]}”`, value: weight * value, factors: [{ ref: weightRef(drawn, { key }), value: weight }, { ref: writeRef(v.ref, [sample, key, from, look.feature]), value }] };
  }).filter((_, key) => mayLook(attention, { ...look, key }));
  const total = { label: `${tensorTitle(y)}[${look.query},${look.feature}]`, value: valueAt(y, [sample, look.query, look.head, look.feature]), ref: resultRef(look.feature) };
  const sum = waterfall({ title: text("attention.mixture", { feature: String(look.feature) }), terms: parts, bias: null, total, count: 6 });
  sum.node.dataset.testid = "mixture";
  return [{ node: equationNode([["", values.node], ["p ·", result.node]]), mark: (refs) => [values, result].forEach(({ mark }) => mark(refs)) }, { node: sum.node }];
}

// ---------------------------------------------------------------- backward

/**
 * @param {Drawn} drawn
 * @returns {Part[]}
 */
function backwardViews(drawn) {
  const { context, attention, look, queries } = drawn;
  const found = gradientsOf(context.trace, attention, look.head);
  if (!found) return [];
  const grids = sideBySide([
    squareGrid(drawn, { title: text("attention.grad_weights"), role: "grad", kind: "gradient", data: found.weights }),
    squareGrid(drawn, { title: text("attention.grad_scores"), role: "grad", kind: "gradient", data: found.scores }),
  ], "attention-back");
  const at = look.query * attention.keys + look.key;
  const [weight, gradient, mean, score] = [weightAt(attention, look), found.weights[at], found.means[look.query], found.scores[at]];
  const right = leadsToQuery(context.trace, attention, look, found);
  const bracket = (/** @type {number} */ value) => (value < 0 ? `(${format(value)})` : format(value));
  const numbers = element("div", { class: "gate" }, element("div", { class: "gate-formula" }, latex("\\bar z_{ts} = p_{ts}\\,(\\bar p_{ts} - \\sum_r p_{tr}\\,\\bar p_{tr})")),
    element("div", { class: "gate-numbers" }, element("span", { class: "gate-sum" }, "∂L/∂z ="), element("div", {}, mayLook(attention, look) ? `${format(weight)} · (${format(gradient)} − ${bracket(mean)}) = ` : `${text("attention.masked_weight")} `, element("strong", {}, formatSigned(score)))));
  const check = right === null ? [] : [element("p", { class: "stage-words" }, checkedNode(right, score), " ", text("attention.leads", { query: queries[look.query] }))];
  const title = element("h2", { class: "stage-heading" }, text("attention.pair_back", { query: queries[look.query], key: drawn.keys[look.key] }));
  return [grids, { node: element("section", { class: "gates", "data-testid": "score-back" }, title, numbers, ...check) }, ...jacobianPart(drawn)];
}

/**
 * How every weight of a query changes with every score, where the numbers can be read.
 * @param {Drawn} drawn
 * @returns {Part[]}
 */
function jacobianPart(drawn) {
  const { context, attention, look, queries, keys } = drawn;
  const count = attention.keys;
  if (count > FEW_KEYS) return [];
  const p = (/** @type {number} */ key) => weightAt(attention, { ...look, key });
  const grid = namedGrid({
    title: text("attention.jacobian", { query: queries[look.query] }), role: "act", kind: "value", rows: keys, columns: keys, size: [context.width - FRAME_SPACE, 30 * count], widest: 64,
    data: Float64Array.from({ length: count * count }, (_, at) => p(Math.floor(at / count)) * (Number(Math.floor(at / count) === at % count) - p(at % count))),
    refOf: (at) => `${weightRef(drawn, { key: Math.floor(at / count) })} by ${keys[at % count]}`,
  }, { ...context, point: () => {}, pick: () => {} });
  grid.node.dataset.testid = "jacobian";
  return [{ node: grid.node }];
}
