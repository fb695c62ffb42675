/**
 * Closer looks at a layer that is too large to print: one unit as three pictures and a waterfall, then a window of
 * numbers around one cell, then the cell with all its digits, where it came from and where it goes.
 */

import { cellRef, indicesOf, pictureShape } from "./arrays.js";
import { cellSymbol } from "./chain.js";
import { element } from "./element.js";
import { formulaWithNumbers } from "./formula.js";
import { paintMarks, spokenNumber } from "./heat.js";
import { legend } from "./legend.js";
import { lens } from "./lens.js";
import { imagesOf } from "./maps.js";
import { text } from "./messages.js";
import { positionAt, sizeOfTensor, valueAt } from "./network.js";
import { format, formatFull, formatSigned } from "./numbers.js";
import { hatch, paintCells } from "./paint.js";
import { picture } from "./picture.js";
import { commonDigits, fixed } from "./rounding.js";
import { followersOf } from "./route.js";
import { colorTable, countUncolored, keptLimit, limitOf } from "./scale.js";
import { link, writeRef } from "./selection.js";
import { waterfall } from "./waterfall.js";

/** @import {ArrayView} from "./arrays.js" */
/** @import {ScaleKind} from "./scale.js" */
/** @import {Selected} from "./selection.js" */
/** @import {Op, Tensor, Trace, View} from "./trace.js" */
/**
 * What every part of the stage needs to know; `room` is how far down a picture may reach, `seen` are the tensors that a step has already drawn; `pick` makes a number the one that the reader looks at closely, `follow`
 * leads the route through another sample.
 * @typedef {{trace: Trace, selected: Readonly<Selected>, view: View, route: string[], sample: number,
 *   image: number[] | null, width: number, room?: number, seen?: Set<Tensor>, point: (ref: string | null) => void, pick: (ref: string) => void, follow: (sample: number) => void}} StageContext
 */
/** A part of the stage; `mark` outlines the cells of some refs. @typedef {{node: HTMLElement, mark?: (refs: string[]) => void}} Part */

const LARGEST_IMAGE = 224;
const MOST_SOURCES = 8;
const MOST_ACROSS = 4;
const SMALLEST_IMAGE = 100;
const LARGEST_SQUARE = 28;
const WIDEST_NUMBER = 66;
const NUMBER_LINE = 30;
const LETTER = 8; // CSS pixels at most, with the gaps

// ---------------------------------------------------------------- tensors as the views want them

/**
 * @param {Tensor} tensor
 * @returns {ArrayView}
 */
export function arrayOf(tensor) {
  const { shape, data, ref, role } = tensor;
  return { shape, data: data ?? [], ref, role, name: tensorTitle(tensor) };
}

/**
 * @param {Tensor} tensor
 */
export function tensorTitle({ symbol, name }) {
  return symbol || name;
}

/**
 * The name of an input: a pixel by row and column, a column of a table by its name.
 * @param {Trace} trace
 * @param {number} input
 * @param {number} inputs
 */
export function inputName(trace, input, inputs) {
  const { image, columns } = trace.meta;
  if (image && image[0] * image[1] === inputs) return text("stage.pixel", { row: String(Math.floor(input / image[1])), column: String(input % image[1]) });
  return columns?.length === inputs ? columns[input] : text("stage.input", { input: String(input) });
}

/**
 * The name of one number that a layer reads: of a pixel or a column while it is still the data, else of a unit.
 * @param {Trace} trace
 * @param {Tensor} tensor what the layer reads
 * @param {number} at
 * @param {number} length
 */
export function readName(trace, tensor, at, length) {
  const maps = mapsBehind(trace, tensor);
  if (maps && !isData(trace, tensor)) {
    const [, row, column, map] = indicesOf(at, maps.shape);
    return text("maps.place", { number: String(map), row: String(row), column: String(column) });
  }
  return isData(trace, tensor) ? inputName(trace, at, length) : text("stage.unit", { unit: String(at) });
}

/**
 * The maps (N, H, W, C) of which a tensor is the flat form; null for any other tensor.
 * @param {Trace} trace
 * @param {Tensor} tensor
 */
export function mapsBehind(trace, tensor) {
  const op = tensor.shape.length === 2 ? trace.opWriting(tensor) : null;
  const maps = op?.op === "reshape" ? op.reads[0] : null;
  return maps && imagesOf(maps) && maps.shape[0] === tensor.shape[0] ? maps : null;
}

/**
 * Whether a tensor is the network's input, as it is, scaled or in another shape.
 * @param {Trace} trace
 * @param {Tensor | undefined} tensor
 * @returns {boolean}
 */
function isData(trace, tensor) {
  if (!tensor || tensor.role === "input") return Boolean(tensor);
  const op = trace.opWriting(tensor);
  return op !== null && op.phase === "forward" && op.op !== "linear" && op.op !== "matmul" && !op.op.includes("convolution") && isData(trace, op.reads[0]);
}

/**
 * The limit of a tensor's scale.
 * @param {Tensor} tensor
 */
export function limitFor({ data, role }) {
  return data ? keptLimit(data, role === "grad" ? "gradient" : "value") : 1;
}

// ---------------------------------------------------------------- a slice of a tensor as a small picture

/**
 * @typedef {object} SliceOptions
 * @property {string} title
 * @property {ArrayLike<number>} data
 * @property {string} role
 * @property {ScaleKind} kind
 * @property {number} [limit]
 * @property {number[] | null} image
 * @property {number} size the most CSS pixels across
 * @property {boolean} [numbers] print them in the cells
 * @property {boolean} [plain] without a legend
 * @property {(position: number) => string} refOf
 * @property {(position: number) => string} nameOf
 */

/**
 * A row or column of a tensor, or a product of two, as a picture whose cells keep their own refs.
 * @param {SliceOptions} options
 * @param {Pick<StageContext, "point" | "pick">} context
 * @returns {Required<Part>}
 */
export function slicePicture(options, { point, pick }) {
  const { title, data, role, kind, image, size, refOf, nameOf, numbers = false, plain = false } = options;
  const shape = pictureShape([data.length], image);
  const side = Math.max(1, Math.min(LARGEST_SQUARE, Math.floor(size / Math.max(shape.columns, shape.rows))));
  const scale = { kind, limit: options.limit ?? limitOf(data, kind) };
  const widest = Math.min(WIDEST_NUMBER, Math.floor(size / shape.columns));
  const digits = commonDigits(data);
  const texts = numbers ? shortTexts(data, digits, role, widest) : null;
  const [width, height] = texts ? [widest, NUMBER_LINE] : [side, side];
  const view = picture();
  const box = (/** @type {number} */ position) => ({ x: (position % shape.columns) * width, y: Math.floor(position / shape.columns) * height, width, height });
  view.show({
    label: title,
    columns: shape.columns,
    count: data.length,
    width: shape.columns * width,
    height: shape.rows * height,
    box,
    paint: (context) => {
      const cells = { data, ...shape, scale, left: 0, top: 0, cellWidth: width, cellHeight: height };
      paintCells(context, cells, colorTable(kind));
      paintBrokenCells(context, data, box);
      if (texts) paintMarks(context, { ...cells, texts }, colorTable(kind));
    },
    speak: (position) => `${nameOf(position)}: ${spokenNumber(data[position])}`,
    ref: refOf,
    onpoint: (position) => point(position === null ? null : refOf(position)),
    onpick: (position) => refOf(position) && pick(refOf(position)),
  });
  const positions = new Map(Array.from(data, (_, position) => [refOf(position), position]));
  const node = element(
    "figure", { class: "view slice", "data-role": role },
    element("figcaption", { class: "view-title" }, title, ...(texts && digits.exponent ? [element("span", { class: "view-shape" }, text("number.power", { power: format(10 ** digits.exponent) }))] : [])),
    element("div", { class: `frame role-${role}` }, view.node), ...(plain ? [] : [legend(scale, countUncolored(data, scale.limit))]),
  );
  return { node, mark: (refs) => view.mark(refs.flatMap((ref) => positions.get(ref) ?? [])) };
}

/**
 * Numbers for small cells; null where they do not fit.
 * @param {ArrayLike<number>} data
 * @param {{exponent: number, decimals: number}} digits
 * @param {string} role
 * @param {number} width
 */
function shortTexts(data, { exponent, decimals }, role, width) {
  const most = Math.floor(width / LETTER);
  const written = (/** @type {number} */ dropped) => Array.from(data, (value) => (value ? `${role === "grad" && value > 0 ? "+" : ""}${fixed(value / 10 ** exponent, Math.max(0, decimals - dropped))}` : "0"));
  return [1, 2].map(written).find((texts) => texts.every(({ length }) => length <= most)) ?? null;
}

/**
 * Black hatch where a number is not finite.
 * @param {CanvasRenderingContext2D} context
 * @param {ArrayLike<number>} data
 * @param {(position: number) => import("./picture.js").Box} box
 */
function paintBrokenCells(context, data, box) {
  context.fillStyle = hatch(context, "ink");
  for (let position = 0; position < data.length; position += 1) {
    const { x, y, width, height } = box(position);
    if (!Number.isFinite(data[position])) context.fillRect(x, y, width, height);
  }
}

// ---------------------------------------------------------------- one unit

/**
 * One unit of a dense layer: input ⊙ weights = products as equal pictures, and the sum as a waterfall.
 * @param {StageContext} context
 * @param {Op} op a `linear` operation
 * @param {number} unit
 * @returns {Part[]}
 */
export function unitLevel(context, op, unit) {
  const { trace, sample } = context;
  const [input, weights, bias] = op.reads;
  const [inputs, units] = weights.shape;
  const x = rowOf(input, sample);
  const w = columnOf(weights, unit);
  const products = x.map((value, at) => value * w[at]);
  const inputRef = (/** @type {number} */ at) => cellRef(input, sample * inputs + at);
  const weightRef = (/** @type {number} */ at) => cellRef(weights, at * units + unit);
  const nameOf = (/** @type {number} */ at) => readName(trace, input, at, inputs);
  const pictures = picturesInLine(context, [
    { title: tensorTitle(input), data: x, role: input.role, kind: inkOr("value", input, x), refOf: inputRef, nameOf },
    { title: `${tensorTitle(weights)}[:,${unit}]`, data: w, role: "param", kind: "value", refOf: weightRef, nameOf, limit: limitFor(weights) },
    { title: `${tensorTitle(input)} ⊙ ${tensorTitle(weights)}[:,${unit}]`, data: products, role: "act", kind: "value", refOf: weightRef, nameOf },
  ], ["⊙", "="]);
  const result = op.writes[0];
  const total = positionAt(result, [...result.shape.slice(0, -1).map((_, axis) => (axis ? 0 : sample)), unit]);
  const sum = waterfall({
    title: text("stage.sum", { count: inputs, name: cellSymbol(result, indicesOf(total, result.shape)) }),
    terms: products.map((value, at) => ({ label: nameOf(at), value, factors: [{ ref: inputRef(at), value: x[at] }, { ref: weightRef(at), value: w[at] }] })),
    bias: bias ? { label: text("stage.bias", { name: cellSymbol(bias, [unit]) }), value: valueAt(bias, [unit]), ref: cellRef(bias, unit) } : null,
    total: { label: cellSymbol(result, indicesOf(total, result.shape)), value: Number(result.data?.[total]), ref: cellRef(result, total) },
  });
  sum.node.dataset.testid = "waterfall";
  return [pictures, { node: sum.node }, ...followerParts(context, result, indicesOf(total, result.shape))];
}

/**
 * What becomes of the sum: a1[0,37] = max(1.284, 0) = 1.284.
 * @param {StageContext} context
 * @param {Tensor} result
 * @param {number[]} cell
 * @returns {Part[]}
 */
function followerParts({ trace }, result, cell) {
  const lines = followersOf(trace, result).flatMap((op) => {
    const worked = trace.workCell(op, 0, cell);
    const refs = Object.fromEntries(op.inputs.map((name, at) => [name, op.reads[at].ref]));
    return worked ? [element("p", { class: "stage-line" }, element("span", { class: "stage-line-name" }, cellSymbol(op.writes[0], cell)), " = ", formulaWithNumbers(worked, { refs: { ...refs, [op.outputs[0]]: op.writes[0].ref }, terms: 4 }))] : [];
  });
  return lines.length ? [{ node: element("div", {}, ...lines) }] : [];
}

/**
 * The gradient of all weights of one unit: input · the unit's own gradient.
 * @param {StageContext} context
 * @param {Op} op the forward `linear` operation
 * @param {number} unit
 * @returns {Part[]}
 */
export function unitGradientLevel(context, op, unit) {
  const { trace, sample } = context;
  const [input, weights] = op.reads;
  const gradient = trace.gradientOf(weights);
  const error = trace.gradientOf(op.writes[0]);
  if (!gradient?.data || !error?.data) return [];
  const [inputs, units] = weights.shape;
  const x = rowOf(input, sample);
  const delta = error.data[sample * units + unit];
  const nameOf = (/** @type {number} */ at) => readName(trace, input, at, inputs);
  const errorRef = cellRef(error, sample * units + unit);
  const number = link(element("span", { class: "stage-number frame role-grad" }, formatSigned(delta)), errorRef);
  const middle = element("figure", { class: "view slice slice-number" }, element("figcaption", { class: "view-title" }, cellSymbol(error, [sample, unit])), number);
  return [picturesInLine(context, [
    { title: tensorTitle(input), data: x, role: input.role, kind: inkOr("value", input, x), refOf: (at) => cellRef(input, sample * inputs + at), nameOf },
    middle,
    { title: `${tensorTitle(gradient)}[:,${unit}]`, data: columnOf(gradient, unit), role: "grad", kind: "gradient", refOf: (at) => cellRef(gradient, at * units + unit), nameOf },
  ], ["·", context.trace.meta.samples > 1 ? text("stage.summed") : "="])];
}

/**
 * @param {StageContext} context
 * @param {((Omit<SliceOptions, "image" | "size"> & Partial<Pick<SliceOptions, "image">>) | HTMLElement)[]} pictures
 * @param {string[]} signs
 * @returns {Required<Part>}
 */
export function picturesInLine(context, pictures, signs) {
  const across = Math.min(pictures.length, MOST_ACROSS);
  const size = Math.min(LARGEST_IMAGE, Math.max(SMALLEST_IMAGE, Math.floor(context.width / across) - (across < MOST_ACROSS ? 54 : 66)));
  const parts = pictures.map((one) => (one instanceof HTMLElement ? { node: one, mark: () => {} } : slicePicture({ image: context.image, ...one, size }, context)));
  return { node: equationNode(parts.map(({ node }, at) => [at ? signs[at - 1] : "", node])), mark: (refs) => parts.forEach(({ mark }) => mark(refs)) };
}

/**
 * Pictures in a line, each with the sign before it; a sign never stands at the end of a line.
 * @param {[string, HTMLElement][]} terms
 */
export function equationNode(terms) {
  return element("div", { class: "stage-equation" }, ...terms.map(([sign, node]) => element("div", { class: "stage-term" }, ...(sign ? [element("span", { class: sign === "⋆" ? "stage-sign is-star" : "stage-sign" }, sign)] : []), node)));
}

/**
 * @param {ScaleKind} otherwise
 * @param {Tensor} tensor
 * @param {number[]} data
 * @returns {ScaleKind}
 */
export function inkOr(otherwise, tensor, data) {
  return tensor.role === "input" && data.every((value) => value >= 0) ? "ink" : otherwise;
}

/**
 * The scale of an image: that of its tensor, so that images can be compared; ink for what is only shades of grey.
 * @param {Tensor} tensor
 * @param {ArrayLike<number>} data of the image
 * @returns {import("./scale.js").Scale}
 */
export function scaleFor(tensor, data) {
  const kind = tensor.role === "grad" ? "gradient" : inkOr("value", tensor, Array.from(data));
  return { kind, limit: kind === "ink" ? limitOf(tensor.data ?? [], kind) : limitFor(tensor) };
}

/**
 * @param {Tensor} tensor
 * @param {number} row
 * @returns {number[]}
 */
export function rowOf({ shape, data }, row) {
  const columns = shape.at(-1) ?? 1;
  return Array.from({ length: columns }, (_, column) => data?.[row * columns + column] ?? Number.NaN);
}

/**
 * @param {{shape: number[], data: ArrayLike<number> | null}} tensor
 * @param {number} column
 * @returns {number[]}
 */
function columnOf({ shape, data }, column) {
  return Array.from({ length: shape[0] }, (_, row) => data?.[row * shape[1] + column] ?? Number.NaN);
}

// ---------------------------------------------------------------- one cell

/**
 * One cell: the numbers around it, all its digits, what it was made of and what is made of it.
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @returns {Part[]}
 */
export function cellLevel(context, tensor, cell) {
  const { image, point, pick } = context;
  const ref = writeRef(tensor.ref, cell);
  const isLarge = sizeOfTensor(tensor) > 1 && tensor.data && !imagesOf(tensor);
  const window = isLarge ? lens({ array: arrayOf(tensor), limit: limitFor(tensor), image, cell: ref, onpoint: point, onpick: pick }) : null;
  if (window) window.node.dataset.testid = "lens";
  /** @type {Part[]} */
  const parts = window ? [{ node: window.node, mark: (linked) => window.update({ linked }) }] : [];
  return [{ node: factsNode(context, tensor, cell) }, ...parts];
}

/**
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {number[]} cell
 */
function factsNode(context, tensor, cell) {
  const { trace } = context;
  const value = valueAt(tensor, cell);
  const rows = [
    factRow(text("stage.value"), [link(element("strong", { class: "closeup-value" }, formatFull(value, tensor.dtype)), writeRef(tensor.ref, cell))]),
    ...relatedRows(context, tensor, cell),
    ...sourceRows(context, tensor, cell),
    ...userRows(context, tensor, cell),
  ];
  return element("section", { class: "closeup", "data-testid": "cell" }, element("h2", { class: "closeup-name" }, cellSymbol(tensor, cell), element("span", { class: "view-shape" }, placeText(trace, tensor, cell))), element("dl", { class: "closeup-facts" }, ...rows.flat()));
}

/**
 * @param {string} name
 * @param {(Node | string)[]} content
 */
function factRow(name, content) {
  return [element("dt", {}, name), element("dd", {}, ...content)];
}

/**
 * "from pixel (3, 4) to unit 12" for a weight.
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @param {number[]} cell
 */
function placeText(trace, tensor, cell) {
  const forward = trace.sourceOf(tensor);
  const reader = trace.opsReading(trace.versionOf(forward, 0) ?? forward).find(({ phase }) => phase === "forward");
  if (forward.role !== "param" || cell.length !== 2 || !reader) return writeRef(tensor.ref, cell);
  const from = readName(trace, reader.reads[0], cell[0], forward.shape[0]);
  return text("stage.weight_place", { from, to: text("stage.unit", { unit: String(cell[1]) }) });
}

/**
 * The same place in the related tensors: value and gradient, before and after the update.
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {number[]} cell
 */
function relatedRows({ trace, pick }, tensor, cell) {
  const forward = trace.sourceOf(tensor);
  const [before, after] = [trace.versionOf(forward, 0), trace.versionOf(forward, 1)];
  const gradient = trace.gradientOf(before ?? forward);
  /** @type {Node[][]} */
  const rows = [];
  const show = (/** @type {Tensor} */ other, /** @type {string} */ name, /** @type {string} */ shown) => rows.push(factRow(name, [numberButton(shown, writeRef(other.ref, cell), pick)]));
  if (before && before !== tensor) show(before, text("stage.before"), formatFull(valueAt(before, cell), before.dtype));
  if (!before && forward !== tensor) show(forward, text("stage.value_of", { name: tensorTitle(forward) }), formatFull(valueAt(forward, cell), forward.dtype));
  if (gradient && gradient !== tensor && gradient.shape.length === cell.length) show(gradient, text("stage.gradient"), formatSigned(valueAt(gradient, cell)));
  if (before && after) {
    const change = valueAt(after, cell) - valueAt(before, cell);
    if (after !== tensor) show(after, text("stage.after"), `${formatFull(valueAt(after, cell), after.dtype)}  (Δ ${formatSigned(change)})`);
  }
  return rows;
}

/**
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {number[]} cell
 */
function sourceRows({ trace, pick }, tensor, cell) {
  const op = trace.opWriting(tensor);
  const output = op ? op.writes.indexOf(tensor) : 0;
  const worked = op && trace.workCell(op, output, cell);
  if (!op || !worked) return [];
  const refs = Object.fromEntries([...op.inputs.map((name, at) => [name, op.reads[at].ref]), ...op.outputs.map((name, at) => [name, op.writes[at].ref])]);
  const unique = new Map(worked.sources.map((source) => [writeRef(refs[source.array], source.cell), source]));
  const listed = [...unique].slice(0, MOST_SOURCES).map(([ref, { array, cell: at }]) => {
    const source = /** @type {Tensor} */ (trace.tensorNamed(op, array));
    return numberButton(`${cellSymbol(source, at)} ${format(valueAt(source, at))}`, ref, pick);
  });
  const more = unique.size > listed.length ? [text("stage.more", { count: unique.size - listed.length })] : [];
  return [
    factRow(text("stage.formula"), [formulaWithNumbers(worked, { refs, terms: 4 })]),
    factRow(text("stage.sources"), [...listed, ...more]),
  ];
}

/**
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {number[]} cell
 */
function userRows({ trace, sample, pick }, tensor, cell) {
  const buttons = trace.opsReading(tensor).flatMap((op) => {
    const result = op.writes[0];
    const at = userCell(op, tensor, cell, sample);
    if (!at) return [];
    return [numberButton(`${cellSymbol(result, at)} ${format(valueAt(result, at))}`, writeRef(result.ref, at), pick)];
  });
  return buttons.length ? [factRow(text("stage.users"), buttons)] : [];
}

/**
 * The cell of a result that a cell goes into, where it is only one.
 * @param {Op} op
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @param {number} sample
 * @returns {number[] | null}
 */
function userCell({ op, attrs, reads, writes: [result] }, tensor, cell, sample) {
  if (op === "linear" && tensor !== reads[0]) return [...result.shape.slice(0, -1).map((_, axis) => (axis ? 0 : sample)), cell.at(-1) ?? 0];
  if (op === "transpose") return /** @type {number[]} */ (attrs.axes).map((axis) => cell[axis]);
  return String(result.shape) === String(tensor.shape) && op !== "softmax" ? cell : null;
}

/**
 * @param {string} words
 * @param {string} ref
 * @param {(ref: string) => void} pick
 */
function numberButton(words, ref, pick) {
  const button = element("button", { type: "button", class: "closeup-link", "data-ref": ref }, words);
  button.addEventListener("click", () => pick(ref));
  return button;
}
