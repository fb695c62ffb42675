/** One operation from afar: pictures of what it reads and writes; for some a view of their own. */

import { cellRef, pictureShape } from "./arrays.js";
import { cellSymbol, slopeName } from "./chain.js";
import { element } from "./element.js";
import { heat } from "./heat.js";
import { text } from "./messages.js";
import { outputOf, positionAt, scoreOf, sizeOfTensor, trueCell, trueClass, valueAt } from "./network.js";
import { format, formatSigned } from "./numbers.js";
import { pushesOf, pushOf } from "./pushes.js";
import { followersOf } from "./route.js";
import { link, readRef, writeRef } from "./selection.js";
import { unitgrid } from "./unitgrid.js";
import { waterfall } from "./waterfall.js";
import { arrayOf, equationNode, inkOr, inputName, limitFor, readName, rowOf, slicePicture, tensorTitle, picturesInLine } from "./zoom.js";

/** @import {Op, Tensor, Trace} from "./trace.js" */
/** @import {Part, StageContext} from "./zoom.js" */

const SIGNS = new Map(Object.entries({ multiply: "·", matmul: "×", add: "+", subtract: "−", divide: "/" }));
const CROSS_ENTROPIES = new Set(["softmax_crossentropy", "sparse_softmax_crossentropy"]);
const MOST_BARS = 20;
const FEW_CELLS = 192;
const SMALL_PICTURE = 168;
const PUSH_TERMS = 6;
const WORDS_BETWEEN = 110;
const MOST_NUMBERS = 4;
const MOST_PRINTED = 16;

/**
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part[]}
 */
export function opParts(context, op) {
  if (op.phase === "update") return updateParts(context, op);
  if (op.op === "linear" && isUnitGrid(op.reads[1])) return [...layerParts(context, op), ...pushParts(context, op)];
  if (op.op === "softmax" && (op.writes[0].shape.at(-1) ?? 0) <= MOST_BARS) return [softmaxPart(context, op)];
  if (CROSS_ENTROPIES.has(op.op)) return [lossPart(context, op)];
  if (op.op === "subtract" && op.backwardOf && CROSS_ENTROPIES.has(op.backwardOf.op)) return [errorPart(context, op)];
  return [equationPart(context, op)];
}

// ---------------------------------------------------------------- any operation

/**
 * Whether a tensor is shown as one picture per unit: a matrix of weights, or its gradient, too large for numbers.
 * @param {Tensor} tensor
 */
function isUnitGrid({ shape, axes, data }) {
  return shape.length === 2 && axes[0] === "I" && axes[1] === "O" && shape[0] * shape[1] > FEW_CELLS && data !== null;
}

/**
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part}
 */
function equationPart(context, op) {
  const sign = SIGNS.get(op.op) ?? ",";
  const last = SIGNS.has(op.op) ? "=" : `${op.op} →`;
  const share = Math.max(120, Math.min(SMALL_PICTURE, context.width / (op.reads.length + op.writes.length) - 84));
  const reads = op.reads.map((tensor) => tensorPart(context, tensor, share));
  const writes = op.writes.map((tensor) => tensorPart(context, tensor, share));
  /** @type {[string, HTMLElement][]} */
  const terms = [...reads.map(({ node }, at) => /** @type {[string, HTMLElement]} */ ([at ? sign : "", node])), ...writes.map(({ node }, at) => /** @type {[string, HTMLElement]} */ ([at ? "," : last, node]))];
  const parts = [...reads, ...writes];
  return { node: equationNode(terms), mark: (refs) => parts.forEach(({ mark }) => mark?.(refs)) };
}

/**
 * A whole tensor, in the form that suits its size.
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {number} width
 * @returns {Part}
 */
function tensorPart(context, tensor, width) {
  const { trace, image, point, pick } = context;
  const title = slopeName(trace, tensor) ?? tensorTitle(tensor);
  if (!tensor.data) return { node: tileNode(tensor) };
  if (sizeOfTensor(tensor) === 1) return { node: numberNode(tensor) };
  if (isUnitGrid(tensor)) return unitsPart(context, tensor, title);
  const view = heat({ array: arrayOf(tensor), title, image, width, height: Math.max(width, SMALL_PICTURE), ...numbersIfFew(tensor), onpoint: point, onpick: pick });
  return { node: view.node, mark: (linked) => view.update({ linked }) };
}

/**
 * Numbers in the cells where a few fit beside other pictures; otherwise pointing at a cell tells its number.
 * @param {Tensor} tensor
 */
function numbersIfFew(tensor) {
  const { columns } = pictureShape(tensor.shape);
  return columns <= MOST_NUMBERS && sizeOfTensor(tensor) <= FEW_CELLS ? {} : { numbers: false };
}

/**
 * A tensor whose numbers are not in the page.
 * @param {Tensor} tensor
 */
function tileNode({ symbol, name, shape, stats: { min, max, mean } }) {
  const numbers = text("stage.tile", { min: format(min), mean: format(mean), max: format(max) });
  return element("figure", { class: "view stage-tile" }, element("figcaption", { class: "view-title" }, symbol || name, element("span", { class: "view-shape" }, shape.join("×"))), element("p", {}, text("stage.not_embedded")), element("p", {}, numbers));
}

/** @param {Tensor} tensor */
function numberNode(tensor) {
  const { role } = tensor;
  const value = Number(tensor.data?.[0]);
  const number = link(element("span", { class: `stage-number frame role-${role}` }, role === "grad" ? formatSigned(value) : format(value)), cellRef(tensor, 0));
  return element("figure", { class: "view slice slice-number" }, element("figcaption", { class: "view-title" }, tensorTitle(tensor)), number);
}

/**
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {string} title
 * @returns {Part}
 */
function unitsPart(context, tensor, title) {
  const { trace, sample, image, point, pick, route } = context;
  const weights = trace.sourceOf(tensor);
  const op = trace.ops.find(({ op: name, phase, reads }) => phase === "forward" && name === "linear" && reads[1]?.name === weights.name);
  const result = op?.writes[0];
  const onRoute = route.map((ref) => readRef(ref)).find(({ tensor: name }) => name === weights.ref || name === result?.ref);
  const view = unitgrid({
    array: arrayOf(tensor), title, image, limit: limitFor(tensor),
    ...(op?.reads[2] && tensor.role === "param" ? { biases: arrayOf(op.reads[2]) } : {}),
    ...(result ? { orders: ordersOf(trace, result, sample) } : {}),
    ...(onRoute ? { selected: Number(onRoute.cell.at(-1)) } : {}),
    onpoint: point,
    onpick: (unit) => result && pick(writeRef(result.ref, [...result.shape.slice(0, -1).map((_, axis) => (axis ? 0 : sample)), unit])),
  });
  view.node.dataset.testid = "unitgrid";
  return { node: view.node, mark: (linked) => view.update({ linked }) };
}

/**
 * What the units of a layer can be sorted by: their push on the true class, and their gradient.
 * @param {Trace} trace
 * @param {Tensor} result
 * @param {number} sample
 */
function ordersOf(trace, result, sample) {
  const pushes = pushesOf(trace, sample).slopes.get(result);
  const values = rowOf(result, sample);
  const gradient = trace.gradientOf(result);
  return {
    contribution: values.map((value, unit) => (pushes ? value * pushes[sample * values.length + unit] : value)),
    ...(gradient?.data ? { gradient: rowOf(gradient, sample) } : {}),
  };
}

// ---------------------------------------------------------------- a dense layer

/**
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part[]}
 */
function layerParts(context, op) {
  const { trace, sample } = context;
  const [input, weights] = op.reads;
  const result = op.writes[0];
  const [inputs, units] = weights.shape;
  const slice = (/** @type {Tensor} */ tensor, /** @type {number} */ length, /** @type {(at: number) => string} */ nameOf) => ({
    title: tensorTitle(tensor), data: rowOf(tensor, sample), role: tensor.role,
    kind: inkOr("value", tensor, rowOf(tensor, sample)),
    refOf: (/** @type {number} */ at) => cellRef(tensor, sample * length + at), nameOf,
  });
  const unitName = (/** @type {number} */ at) => text("stage.unit", { unit: String(at) });
  const after = followersInStep(context, op).map(({ op: name, writes: [tensor] }) => ({ sign: `${name} →`, picture: slice(tensor, units, unitName) }));
  const pictures = picturesInLine({ ...context, width: context.width - WORDS_BETWEEN }, [
    slice(input, inputs, (at) => readName(trace, input, at, inputs)), slice(result, units, unitName), ...after.map(({ picture }) => picture),
  ], [text("stage.times", { name: tensorTitle(weights) }), ...after.map(({ sign }) => sign)]);
  return [pictures, unitsPart(context, weights, text("stage.units", { name: tensorTitle(weights) }))];
}

/**
 * The element-wise operations of the same step that are drawn together with a dense layer's sum.
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Op[]}
 */
export function followersInStep({ trace, view }, op) {
  if (op.op !== "linear" || op.phase !== "forward" || !isUnitGrid(op.reads[1])) return [];
  return followersOf(trace, op.writes[0]).filter((one) => view.moment.ops.includes(one) && one.op !== "softmax");
}

/**
 * At the layer of the scores: what every input adds to the score of the true class, over all paths.
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part[]}
 */
function pushParts(context, op) {
  const { trace, sample } = context;
  const score = scoreOf(trace);
  const [input, ...others] = trace.tensors.filter((tensor) => tensor.role === "input" && !trace.opWriting(tensor));
  if (op.writes[0] !== score || others.length || !input || op.reads[0] === input) return [];
  const pushes = pushesOf(trace, sample);
  const slopes = pushes.slopes.get(input);
  if (!slopes) return [];
  const inputs = slopes.length / input.shape[0];
  const added = Array.from({ length: inputs }, (_, at) => slopes[sample * inputs + at] * Number(input.data?.[sample * inputs + at]));
  const cell = trueCell(trace, score, sample);
  const name = className(trace, cell.at(-1) ?? 0);
  const total = { label: cellSymbol(score, cell), value: valueAt(score, cell), ref: cellRef(score, positionAt(score, cell)) };
  const [refOf, nameOf] = [(/** @type {number} */ at) => cellRef(input, sample * inputs + at), (/** @type {number} */ at) => inputName(trace, at, inputs)];
  const best = added.reduce((top, value, at) => (value > added[top] ? at : top), 0);
  const size = Math.min(224, context.width - 20);
  const map = slicePicture({ title: text("stage.push_map", { name }), data: added, role: "act", kind: "value", image: context.image, size, refOf, nameOf }, context);
  const sum = waterfall({
    title: text("stage.push_sum", { name }), count: PUSH_TERMS,
    terms: added.map((value, at) => ({ label: nameOf(at), value, factors: [] })),
    ...remainders(trace, pushes), total,
  });
  const words = element("p", { class: "stage-words", "data-testid": "push" }, text("stage.push_words", { pixel: nameOf(best), name, value: formatSigned(added[best]) }));
  const node = element("section", { class: "stage-push" }, element("h2", { class: "stage-heading" }, text("stage.push_title", { name })), words, element("div", { class: "stage-columns" }, map.node, sum.node));
  return [{ node, mark: map.mark }];
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

/**
 * @param {Trace} trace
 * @param {number} unit
 */
function className(trace, unit) {
  return trace.meta.classes?.[unit] ?? text("stage.unit", { unit: String(unit) });
}

// ---------------------------------------------------------------- probabilities and the loss

/**
 * @typedef {{head: string, refs: string[], values: number[], kind?: "probability" | "gradient"}} BarColumn `kind`: drawn
 *   as bars too
 */

/**
 * One row per class: numbers, and bars for some of them.
 * @param {StageContext} context
 * @param {{title: string, sample: number, columns: BarColumn[], note?: string}} table
 * @returns {Part}
 */
function classTable({ trace, pick }, { title, sample, columns, note }) {
  const truth = trueClass(trace, sample);
  const head = element("tr", {}, element("th", { scope: "col" }, text("stage.class_head")), ...columns.flatMap(({ head: name, kind }) => [...(kind ? [element("th", { class: "class-lane" }, element("span", { class: "visually-hidden" }, text("stage.bar")))] : []), element("th", { scope: "col", class: "number" }, name)]));
  const rows = columns[0].values.map((_, row) => {
    const cells = columns.flatMap(({ refs, values, kind }) => {
      const limit = kind === "gradient" ? Math.max(...values.map(Math.abs), 1e-12) : 1;
      const number = link(element("span", {}, kind === "gradient" ? formatSigned(values[row]) : format(values[row])), refs[row]);
      number.addEventListener("dblclick", () => pick(refs[row]));
      return [...(kind ? [element("td", { class: "class-lane", "aria-hidden": "true" }, barNodeOf(values[row] / limit, kind))] : []), element("td", { class: "number" }, number)];
    });
    const name = element("th", { scope: "row" }, className(trace, row), ...(row === truth ? [element("span", { class: "class-truth" }, text("stage.truth"))] : []));
    return element("tr", { class: row === truth ? "is-truth" : "" }, name, ...cells);
  });
  const table = element("table", { class: "class-table" }, element("thead", {}, head), element("tbody", {}, ...rows));
  return { node: element("figure", { class: "view classes", "data-testid": "classes" }, element("figcaption", { class: "view-title" }, title), table, ...(note ? [element("p", { class: "stage-words" }, note)] : [])) };
}

/**
 * @param {number} share from −1 to 1
 * @param {string} kind
 */
function barNodeOf(share, kind) {
  const bar = element("span", { class: `class-bar class-${kind} ${share < 0 ? "is-minus" : "is-plus"}` });
  const [from, to] = kind === "gradient" ? [50 + 50 * Math.min(share, 0), 50 + 50 * Math.max(share, 0)] : [0, 100 * share];
  bar.style.left = `${from}%`;
  bar.style.width = `${to - from}%`;
  return element("span", { class: `class-track class-track-${kind}` }, bar);
}

/**
 * @param {string} head
 * @param {Tensor} tensor
 * @param {number} sample
 * @param {BarColumn["kind"]} [kind]
 * @returns {BarColumn}
 */
function columnFor(head, tensor, sample, kind) {
  const values = rowOf(tensor, sample);
  return { head, values, refs: values.map((_, unit) => cellRef(tensor, sample * values.length + unit)), ...(kind ? { kind } : {}) };
}

/**
 * @param {StageContext} context
 * @param {Op} op
 */
function softmaxPart(context, op) {
  const { sample } = context;
  const [scores, shares] = [op.reads[0], op.writes[0]];
  const score = columnFor(tensorTitle(scores), scores, sample);
  const powers = { head: `exp(${tensorTitle(scores)})`, refs: score.refs, values: score.values.map(Math.exp) };
  const sum = powers.values.reduce((all, value) => all + value, 0);
  return classTable(context, { title: text("stage.softmax"), sample, columns: [score, powers, columnFor(tensorTitle(shares), shares, sample, "probability")], note: text("stage.softmax_sum", { sum: format(sum) }) });
}

/**
 * @param {StageContext} context
 * @param {Op} op
 */
function lossPart(context, op) {
  const { trace, sample } = context;
  const scores = op.reads[0];
  const output = outputOf(trace);
  const shares = String(output.shape) === String(scores.shape) ? output : op.writes[1] ?? scores;
  const p = valueAt(shares, trueCell(trace, shares, sample));
  const loss = Number(op.writes[0].data?.[sample]);
  const name = className(trace, trueClass(trace, sample));
  return classTable(context, { title: text("stage.loss"), sample, columns: [columnFor(tensorTitle(scores), scores, sample), columnFor(tensorTitle(shares), shares, sample, "probability")], note: text("stage.loss_note", { name, p: format(p), loss: format(loss) }) });
}

/**
 * @param {StageContext} context
 * @param {Op} op
 */
function errorPart(context, op) {
  const { sample } = context;
  const [shares, truth] = op.reads;
  return classTable(context, { title: text("stage.error"), sample, columns: [columnFor("p", shares, sample), columnFor("y", truth, sample), columnFor("p − y", op.writes[0], sample, "gradient")], note: text("stage.error_note") });
}

// ---------------------------------------------------------------- the update

/**
 * A weight before, its gradient, the optimizer's memory, the change and the weight after.
 * @param {StageContext} context
 * @param {Op} op
 * @returns {Part[]}
 */
function updateParts(context, op) {
  const { trace, route } = context;
  const after = op.writes[0];
  const before = trace.versionOf(after, 0);
  const gradient = before && trace.gradientOf(before);
  if (!before?.data || !after.data || !gradient?.data) return [equationPart(context, op)];
  const change = changeOf(before, after);
  const memory = op.writes.slice(1).filter(({ role, data }) => role === "opt" && data);
  const cell = cellOnRoute(trace, before, route);
  const table = cell ? [updateStory(context, { before, after, gradient, memory, cell })] : [];
  const kept = { before, gradient, memory, after, change };
  if (isUnitGrid(before)) return [...table, ...unitUpdateParts(context, kept, cell?.[1] ?? 0)];
  const isLong = before.shape.length === 1 && change.length > MOST_PRINTED;
  return [...table, isLong ? updatePictures(context, kept, Array.from(change, (_, at) => at)) : printedUpdatePart(context, kept)];
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
 * Some cells of a weight through the update, as pictures in a line.
 * @param {StageContext} context
 * @param {Changed} changed
 * @param {number[]} positions
 * @returns {Required<Part>}
 */
function updatePictures(context, { before, gradient, memory, after, change }, positions) {
  const isColumn = before.shape.length === 2;
  const reader = context.trace.opsReading(before).find(({ phase }) => phase === "forward");
  const nameOf = (/** @type {number} */ at) => (isColumn && reader ? readName(context.trace, reader.reads[0], at, positions.length) : text("stage.unit", { unit: String(at) }));
  const slice = (/** @type {Tensor} */ tensor, /** @type {string} */ title, /** @type {object} */ more = {}) => ({
    title, data: positions.map((position) => Number(tensor.data?.[position])), role: tensor.role, kind: /** @type {"value" | "gradient"} */ ("value"),
    refOf: (/** @type {number} */ at) => cellRef(tensor, positions[at]), nameOf, ...more,
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
  /** @type {[Tensor, string, object][]} */
  const shown = [
    [gradient, tensorTitle(gradient), {}], ...memory.map((tensor) => /** @type {[Tensor, string, object]} */ ([tensor, tensorTitle(tensor), {}])),
    [{ ...after, data: change, role: "delta" }, `Δ${symbol}`, {}], [before, text("stage.before_of", { name: symbol }), { limit }], [after, text("stage.after_of", { name: symbol }), { limit }],
  ];
  const views = shown.map(([tensor, title, more]) => heat({ array: arrayOf(tensor), title, width: Math.max(110, width / shown.length - 70), height: 168, ...numbersIfFew(tensor), onpoint: point, onpick: pick, ...more }));
  const signs = ["", ...updateSigns(memory.length)];
  return { node: equationNode(views.map(({ node }, at) => [signs[at], node])), mark: (linked) => views.forEach((view) => view.update({ linked })) };
}

/**
 * What the update did to one weight, in numbers.
 * @param {StageContext} context
 * @param {{before: Tensor, after: Tensor, gradient: Tensor, memory: Tensor[], cell: number[]}} weight
 * @returns {Part}
 */
function updateStory({ trace }, { before, after, gradient, memory, cell }) {
  const change = valueAt(after, cell) - valueAt(before, cell);
  const entry = (/** @type {string} */ name, /** @type {string} */ shown, /** @type {Tensor} */ tensor, /** @type {string} */ role) =>
    element("div", { class: "update-entry" }, element("dt", {}, name), element("dd", {}, link(element("span", { class: `frame role-${role}` }, shown), writeRef(tensor.ref, cell))));
  const rate = trace.meta.optimizer_config?.learning_rate;
  const node = element(
    "section", { class: "update-story", "data-testid": "update-story" },
    element("h2", { class: "stage-heading" }, text("stage.update_cell", { name: cellSymbol(before, cell) })),
    element(
      "dl", { class: "update-entries" },
      entry(text("stage.before"), format(valueAt(before, cell), 6), before, "param"),
      entry(text("stage.gradient"), formatSigned(valueAt(gradient, cell)), gradient, "grad"),
      ...memory.map((tensor) => entry(tensorTitle(tensor), format(valueAt(tensor, cell)), tensor, "opt")),
      entry(text("stage.change"), formatSigned(change), after, "delta"),
      entry(text("stage.after"), format(valueAt(after, cell), 6), after, "param"),
    ),
    element("p", { class: "stage-words" }, updateWords(valueAt(gradient, cell), change, Number(rate))),
  );
  return { node };
}

/**
 * @param {number} gradient
 * @param {number} change
 * @param {number} rate
 */
function updateWords(gradient, change, rate) {
  const shown = { gradient: formatSigned(gradient), change: formatSigned(change), rate: Number.isFinite(rate) ? format(rate) : "η" };
  if (gradient === 0) return text(change === 0 ? "stage.update_still" : "stage.update_drift", shown);
  if (gradient * change > 0) return text(gradient > 0 ? "stage.update_against_up" : "stage.update_against_down", shown);
  return text(gradient > 0 ? "stage.update_down" : "stage.update_up", shown);
}
