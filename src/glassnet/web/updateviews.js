/** The update of a weight: its gradient, the optimizer's memory, the change, and the weight before and after. */

import { cellRef } from "./arrays.js";
import { cellSymbol } from "./chain.js";
import { element } from "./element.js";
import { heat } from "./heat.js";
import { rateText } from "./lossstory.js";
import { cellIn, imagesOf, positionIn, readImageRef } from "./maps.js";
import { holdsImages, imagesPart } from "./mapviews.js";
import { text } from "./messages.js";
import { valueAt } from "./network.js";
import { format, formatSigned } from "./numbers.js";
import { fixed, sumDecimals } from "./rounding.js";
import { link, writeRef } from "./selection.js";
import { equationPart, isUnitGrid, numbersIfFew, unitsPart } from "./tensorviews.js";
import { arrayOf, equationNode, limitFor, picturesInLine, readName, tensorTitle } from "./zoom.js";

/** @import {Op, Tensor, Trace} from "./trace.js" */
/** @import {Part, StageContext} from "./zoom.js" */

const MOST_PRINTED = 16;

/**
 * A weight before, its gradient, the optimizer's memory, the change and the weight after.
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part[]}
 */
export function updateParts(context, op) {
  const changed = changedBy(context.trace, op);
  if (!changed) return [equationPart(context, op)];
  const { before } = changed;
  const cell = cellOnRoute(context.trace, before, context.route);
  const table = cell ? updateStory(context, changed, cell) : [];
  const kept = { ...changed, change: changeOf(before, changed.after) };
  if (isUnitGrid(before)) return [...table, ...unitUpdateParts(context, kept, cell?.[1] ?? 0)];
  if (holdsImages(before)) return [...table, ...filterUpdateParts(context, kept, cell)];
  const isLong = before.shape.length === 1 && kept.change.length > MOST_PRINTED;
  return [...table, isLong ? updatePictures(context, kept, Array.from(kept.change, (_, at) => at)) : printedUpdatePart(context, kept)];
}

/**
 * The weight that an update changes, with what it reads and remembers; null where not all of it is in the page.
 * @param {Trace} trace
 * @param {Op} op
 */
function changedBy(trace, op) {
  const after = op.writes[0];
  const before = trace.versionOf(after, 0);
  const gradient = before && trace.gradientOf(before);
  if (!before?.data || !after.data || !gradient?.data) return null;
  return { before, gradient, after, memory: op.writes.slice(1).filter(({ role, data }) => role === "opt" && data) };
}

/**
 * What an update did to a weight that is looked at closely, or to the one whose gradient or memory it is.
 * @param {StageContext} context
 * @param {Op} op
 * @param {number[]} cell
 * @returns {Part[]}
 */
export function storyOfCell(context, op, cell) {
  const changed = op.phase === "update" ? changedBy(context.trace, op) : null;
  return changed && changed.before.shape.length === cell.length ? updateStory(context, changed, cell) : [];
}

/**
 * The cell of a weight, or of the bias beside it, that lies on the route.
 * @param {Trace} trace
 * @param {Tensor} weight
 * @param {string[]} route
 */
function cellOnRoute(trace, weight, route) {
  for (const ref of route) {
    const found = trace.cell(ref);
    if (found?.tensor === weight) return found.cell;
    const isBias = found && weight.shape.length === 1 && trace.opWriting(found.tensor)?.reads.slice(1).includes(weight);
    if (isBias) return found.cell.slice(-1);
  }
  return null;
}

/** @typedef {{before: Tensor, gradient: Tensor, memory: Tensor[], after: Tensor, change: Float32Array}} Changed */

/** @type {WeakMap<Tensor, Float32Array>} */
const changes = new WeakMap();

/**
 * New minus old weights, computed once.
 * @param {Tensor} before
 * @param {Tensor} after
 */
function changeOf(before, after) {
  const known = changes.get(after) ?? Float32Array.from(after.data ?? [], (value, at) => value - (before.data?.[at] ?? 0));
  changes.set(after, known);
  return known;
}

/**
 * The pictures of one unit, and the change of all.
 * @param {StageContext} context
 * @param {Changed} changed
 * @param {number} unit
 * @returns {Part[]}
 */
function unitUpdateParts(context, changed, unit) {
  const { before, after, change } = changed;
  const [inputs, units] = before.shape;
  const symbol = tensorTitle(before);
  const row = updatePictures(context, changed, Array.from({ length: inputs }, (_, input) => input * units + unit));
  const title = element("h2", { class: "stage-heading" }, text("stage.update_unit", { name: symbol, unit: String(unit) }));
  const whole = unitsPart(context, { ...after, data: change, of: before.id }, text("stage.update_all", { name: symbol }));
  return [{ node: element("section", {}, title, row.node), mark: row.mark }, whole];
}

/**
 * The pictures of one filter, and the change of all.
 * @param {StageContext} context
 * @param {Changed} changed
 * @param {number[] | null} cell on the route
 * @returns {Part[]}
 */
function filterUpdateParts(context, changed, cell) {
  const { before, after, change } = changed;
  const chosen = readImageRef(context.selected.pinned);
  const [channel, filter] = [chosen?.part ?? cell?.[2] ?? 0, chosen?.image ?? cell?.[3] ?? 0];
  const images = imagesOf(before, channel);
  if (!images) return [];
  const symbol = tensorTitle(before);
  const positions = Array.from({ length: images.cells }, (_, at) => positionIn(images, filter, at));
  const nameOf = (/** @type {number} */ at) => cellIn(images, filter, at).join(",");
  const row = updatePictures(context, changed, positions, { image: [images.rows, images.columns], nameOf });
  const title = element("h2", { class: "stage-heading" }, text("maps.update", { name: symbol, filter: String(filter), channel: String(channel) }));
  const whole = imagesPart(context, { ...after, data: change, of: before.id, role: "delta" }, { title: text("stage.update_all_filters", { name: symbol }) });
  return [{ node: element("section", {}, title, row.node), mark: row.mark }, whole];
}

/**
 * Some cells of a weight through the update, as pictures in a line.
 * @param {StageContext} context
 * @param {Changed} changed
 * @param {number[]} positions
 * @param {{image?: number[], nameOf?: (at: number) => string}} [names]
 * @returns {Required<Part>}
 */
function updatePictures(context, { before, gradient, memory, after, change }, positions, { image = context.image ?? undefined, nameOf = unitNames(context, before, positions.length) } = {}) {
  const slice = (/** @type {Tensor} */ tensor, /** @type {string} */ title, /** @type {object} */ more = {}) => ({
    title, data: positions.map((position) => Number(tensor.data?.[position])), role: tensor.role, kind: /** @type {"value" | "gradient"} */ ("value"),
    refOf: (/** @type {number} */ at) => cellRef(tensor, positions[at]), nameOf, image: image ?? null, ...more,
  });
  const symbol = tensorTitle(before);
  const limit = limitFor(before);
  return picturesInLine(context, [
    slice(gradient, tensorTitle(gradient), { kind: "gradient" }),
    ...memory.map((tensor) => slice(tensor, tensorTitle(tensor))),
    slice({ ...after, data: change }, `Δ${symbol}`, { role: "delta" }),
    slice(before, text("stage.before_of", { name: symbol }), { limit }),
    slice(after, text("stage.after_of", { name: symbol }), { limit }),
  ], updateSigns(memory.length));
}

/**
 * @param {StageContext} context
 * @param {Tensor} weights
 * @param {number} length
 * @returns {(at: number) => string} the name of a weight of one unit, or of a bias
 */
function unitNames({ trace }, weights, length) {
  const reader = trace.opsReading(weights).find(({ phase }) => phase === "forward");
  return (at) => (weights.shape.length === 2 && reader ? readName(trace, reader.reads[0], at, length) : text("stage.unit", { unit: String(at) }));
}

/**
 * gradient → m, v → Δ + before = after
 * @param {number} memories
 */
function updateSigns(memories) {
  return ["→", ...Array.from({ length: memories }, (_, at) => (at === memories - 1 ? "→" : ",")), "+", "="];
}

/**
 * @param {StageContext} context
 * @param {Changed} changed
 * @returns {Part}
 */
function printedUpdatePart(context, { before, gradient, memory, after, change }) {
  const { point, pick, width } = context;
  const symbol = tensorTitle(before);
  const limit = limitFor(before);
  const decimals = sumDecimals(Array.from(change, (value, at) => ({ before: Number(before.data?.[at]), change: value, after: Number(after.data?.[at]) })));
  /** @type {[Tensor, string, object][]} */
  const shown = [
    [gradient, tensorTitle(gradient), {}], ...memory.map((tensor) => /** @type {[Tensor, string, object]} */ ([tensor, tensorTitle(tensor), {}])),
    [{ ...after, data: change, role: "delta" }, `Δ${symbol}`, { decimals }], [before, text("stage.before_of", { name: symbol }), { limit, decimals }], [after, text("stage.after_of", { name: symbol }), { limit, decimals }],
  ];
  const views = shown.map(([tensor, title, more]) => heat({ array: arrayOf(tensor), title, width: Math.max(110, width / shown.length - 70), height: 168, ...numbersIfFew(tensor), onpoint: point, onpick: pick, ...more }));
  const signs = ["", ...updateSigns(memory.length)];
  return { node: equationNode(views.map(({ node }, at) => [signs[at], node])), mark: (linked) => views.forEach((view) => view.update({ linked })) };
}

/**
 * What the update did to one weight, in numbers.
 * @param {StageContext} context
 * @param {Omit<Changed, "change">} changed
 * @param {number[]} cell
 * @returns {Part[]}
 */
function updateStory({ trace }, { before, after, gradient, memory }, cell) {
  const sum = { before: valueAt(before, cell), change: valueAt(after, cell) - valueAt(before, cell), after: valueAt(after, cell) };
  const { change } = sum;
  const decimals = sumDecimals([sum]);
  const written = (/** @type {number} */ value) => (decimals === null ? format(value, 6) : fixed(value, decimals));
  const entry = (/** @type {string} */ name, /** @type {string} */ shown, /** @type {Tensor} */ tensor, /** @type {string} */ role, sign = "") =>
    element("div", { class: "update-entry" }, element("dt", {}, name), element("dd", {}, sign ? element("span", { class: "stage-sign" }, sign) : null, link(element("span", { class: `frame role-${role}` }, shown), writeRef(tensor.ref, cell))));
  const node = element(
    "section", { class: "update-story", "data-testid": "update-story" },
    element("h2", { class: "stage-heading" }, text("stage.update_cell", { name: cellSymbol(before, cell) })),
    element(
      "dl", { class: "update-entries" },
      entry(text("stage.gradient"), formatSigned(valueAt(gradient, cell)), gradient, "grad"),
      ...memory.map((tensor) => entry(tensorTitle(tensor), format(valueAt(tensor, cell)), tensor, "opt")),
      entry(text("stage.before"), written(sum.before), before, "param"),
      entry(text("stage.change"), `${change > 0 ? "+" : ""}${written(change)}`, after, "delta", "+"),
      entry(text("stage.after"), written(sum.after), after, "param", "="),
    ),
    element("p", { class: "stage-words" }, updateWords(valueAt(gradient, cell), change, rateText(trace))),
  );
  return [{ node }];
}

/**
 * @param {number} gradient
 * @param {number} change
 * @param {string} rate
 */
function updateWords(gradient, change, rate) {
  const shown = { gradient: formatSigned(gradient), change: formatSigned(change), rate };
  if (gradient === 0) return text(change === 0 ? "stage.update_still" : "stage.update_drift", shown);
  if (gradient * change > 0) return text(gradient > 0 ? "stage.update_against_up" : "stage.update_against_down", shown);
  return text(gradient > 0 ? "stage.update_down" : "stage.update_up", shown);
}
