/** An array as a picture: one coloured cell per number, and the number itself in it where there is room. */

import { cellRef, indicesOf, pictureShape, positionOf } from "./arrays.js";
import { element } from "./element.js";
import { legend } from "./legend.js";
import { text } from "./messages.js";
import { format, formatSigned } from "./numbers.js";
import { cssColor, hatch, numberFont, paintCells, paintNotch } from "./paint.js";
import { picture } from "./picture.js";
import { fixed } from "./rounding.js";
import { colorIndex, colorTable, countUncolored, isClipped, isSigned, limitOf, scaleKind, takesDarkText } from "./scale.js";

/**
 * @typedef {import("./arrays.js").ArrayView} ArrayView
 * @typedef {object} HeatOptions
 * @property {ArrayView} array
 * @property {string} [title] what it is, above the picture and in words for a screen reader
 * @property {number[] | null} [image] rows and columns of the model's images
 * @property {import("./scale.js").ScaleKind} [kind] otherwise the role's own
 * @property {number} [limit] a locked limit, so that several pictures can be compared
 * @property {ArrayLike<number>} [trained] one number per cell, 0 where no sample ever moved the weight
 * @property {number} [width] the most CSS pixels across; numbers in cells may need more and then scroll
 * @property {number} [height] the most CSS pixels down
 * @property {boolean} [numbers] print the numbers; otherwise where the array is small
 * @property {number | null} [decimals] of the printed numbers, where they are to be added up; else 4 digits
 * @property {string[]} [linked] refs to outline
 * @property {(ref: string | null) => void} [onpoint] the cell under the pointer or the focus
 * @property {(ref: string) => void} [onpick] the cell that was clicked
 * @typedef {{rows: number, columns: number, cellWidth: number, cellHeight: number, left: number, top: number,
 *   width: number, height: number}} HeatLayout
 * @typedef {HeatLayout & {data: ArrayLike<number>, scale: import("./scale.js").Scale, texts: string[] | null,
 *   trained: ArrayLike<number> | undefined}} HeatPlan
 */

const NUMBER_ROWS = 16;
const NUMBER_COLUMNS = 12;
const NUMBER_HEIGHT = 30;
const LARGEST_CELL = 28;
const MARKED_CELL = 12;
const NOTCHED_CELL = 6;
const GUTTER = { left: 28, top: 20 };

/**
 * @param {HeatOptions} options
 * @returns {{node: HTMLElement, update: (options: Partial<HeatOptions>) => void}}
 */
export function heat(options) {
  const view = picture();
  const caption = element("figcaption", { class: "view-title" });
  const frame = element("div", {}, view.node);
  const footer = element("div");
  const node = element("figure", { class: "view heat" }, caption, element("div", { class: "view-scroll" }, frame), footer);

  const draw = () => {
    const { array, title = array.name ?? array.ref } = options;
    const plan = planHeat(options);
    const hidden = countHidden(plan);
    node.dataset.role = array.role;
    node.dataset.notFinite = String(hidden.notFinite);
    frame.className = `frame role-${array.role}`;
    caption.replaceChildren(title, element("span", { class: "view-shape" }, shapeText(array.shape)));
    footer.replaceChildren(legend(plan.scale, hidden));
    view.show({
      ...pictureSpec(plan, array),
      label: title,
      onpoint: (position) => options.onpoint?.(position === null ? null : cellRef(array, position)),
      onpick: (position) => options.onpick?.(cellRef(array, position)),
    });
  };
  const mark = () => view.mark(linkedPositions(options.array, options.linked ?? []));
  draw();
  mark();
  return {
    node,
    update(changes) {
      options = { ...options, ...changes };
      if (Object.keys(changes).some((key) => key !== "linked")) draw();
      mark();
    },
  };
}

/**
 * `784×128`; a single number is `1`.
 *
 * @param {number[]} shape
 */
export function shapeText(shape) {
  return shape.join("×") || "1";
}

/**
 * Positions of the refs that lie in an array; the array's own name means all of it.
 *
 * @param {{shape: number[], ref: string, data: ArrayLike<number>}} array
 * @param {string[]} refs
 */
function linkedPositions(array, refs) {
  if (refs.includes(array.ref)) return Array.from(array.data, (_, position) => position);
  return refs.map((ref) => positionOf(array, ref)).filter((position) => position !== null);
}

/**
 * A cell in words: "row 300, column 37, −0.0214".
 *
 * @param {ArrayView} array
 * @param {number} position
 */
export function speakCell(array, position) {
  const indices = indicesOf(position, array.shape);
  const value = spokenNumber(array.data[position], array.role);
  if (indices.length === 2) return text("cell.matrix", { row: String(indices[0]), column: String(indices[1]), value });
  return text("cell.vector", { index: indices.join(", "), value });
}

/**
 * A number as its role is written: gradients and changes always carry their sign.
 *
 * @param {string} role
 * @param {number} value
 * @param {number | null} [decimals]
 */
function roleNumber(role, value, decimals = null) {
  const isSignedRole = role === "grad" || role === "delta";
  if (decimals !== null) return `${isSignedRole && value > 0 ? "+" : ""}${fixed(value, decimals)}`;
  return isSignedRole ? formatSigned(value) : format(value);
}

/**
 * A number as a voice should read it: the sign as a word, for some readers drop U+2212.
 *
 * @param {number} value
 * @param {string} [role]
 */
export function spokenNumber(value, role = "") {
  return roleNumber(role, value).replace("−", `${text("cell.minus")} `);
}

/**
 * @param {HeatOptions} options
 * @returns {HeatPlan}
 */
function planHeat({ array, image = null, kind = scaleKind(array, image), limit, trained, width = 448, height = 320, numbers, decimals = null }) {
  const shape = pictureShape(array.shape, image);
  const small = shape.rows <= NUMBER_ROWS && shape.columns <= NUMBER_COLUMNS && kind !== "ink";
  const texts = (numbers ?? small) ? Array.from(array.data, (value) => roleNumber(array.role, value, decimals)) : null;
  const layout = heatLayout({ ...shape, longest: texts ? longestText(texts) : null, width, height });
  return { ...layout, data: array.data, scale: { kind, limit: limit ?? limitOf(array.data, kind) }, texts, trained };
}

/**
 * Where the cells go: as large as fits, whole pixels where possible; with numbers as wide as the longest of them, and
 * with row and column indices beside them.
 *
 * @param {{rows: number, columns: number, longest: number | null, width: number, height: number}} wanted `longest`:
 *   width of the longest number in pixels, null without numbers
 * @returns {HeatLayout}
 */
function heatLayout({ rows, columns, longest, width, height }) {
  const fitting = Math.min(width / columns, height / rows, LARGEST_CELL);
  const side = fitting >= 1 ? Math.floor(fitting) : fitting;
  const cellWidth = longest === null ? side : Math.ceil(longest) + 16;
  const cellHeight = longest === null ? side : NUMBER_HEIGHT;
  const left = longest !== null && rows > 1 ? GUTTER.left : 0;
  const top = longest !== null && columns > 1 ? GUTTER.top : 0;
  return { rows, columns, cellWidth, cellHeight, left, top, width: left + columns * cellWidth, height: top + rows * cellHeight };
}

/**
 * @param {HeatPlan} plan
 * @param {ArrayView} array
 */
function pictureSpec(plan, array) {
  const { columns, width, height, cellWidth, cellHeight, left, top, data } = plan;
  return {
    columns,
    count: data.length,
    width,
    height,
    box: (/** @type {number} */ position) => ({
      x: left + (position % columns) * cellWidth,
      y: top + Math.floor(position / columns) * cellHeight,
      width: cellWidth,
      height: cellHeight,
    }),
    paint: (/** @type {CanvasRenderingContext2D} */ context) => paintHeat(context, plan),
    speak: (/** @type {number} */ position) => speakCell(array, position),
    ref: (/** @type {number} */ position) => cellRef(array, position),
  };
}

/** @param {HeatPlan} plan */
function countHidden({ data, scale, trained }) {
  const untrained = trained ? Array.from(trained).filter((value) => value === 0).length : 0;
  return { ...countUncolored(data, scale.limit), untrained };
}

let measuring = /** @type {CanvasRenderingContext2D | null} */ (null);

/** @param {string[]} texts */
function longestText(texts) {
  measuring ??= /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
  measuring.font = numberFont();
  return Math.max(...texts.map((number) => /** @type {CanvasRenderingContext2D} */ (measuring).measureText(number).width));
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {HeatPlan} plan
 */
function paintHeat(context, plan) {
  const table = colorTable(plan.scale.kind);
  paintCells(context, plan, table);
  paintHatches(context, plan);
  if (plan.cellWidth >= NOTCHED_CELL) paintMarks(context, plan, table);
  if (plan.top || plan.left) paintIndices(context, plan);
}

/**
 * Black hatch where a number is not finite, grey hatch where a weight was never trained.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {HeatPlan} plan
 */
function paintHatches(context, { data, columns, left, top, cellWidth, cellHeight, trained }) {
  const fill = (/** @type {number} */ position, /** @type {string | CanvasPattern} */ style) => {
    context.fillStyle = style;
    context.fillRect(left + (position % columns) * cellWidth, top + Math.floor(position / columns) * cellHeight, cellWidth, cellHeight);
  };
  const black = cellWidth < 6 ? cssColor("ink") : hatch(context, "ink");
  const grey = trained ? hatch(context, "dim") : "";
  for (let position = 0; position < data.length; position += 1) {
    if (!Number.isFinite(data[position])) fill(position, black);
    else if (trained && trained[position] === 0) {
      fill(position, cssColor("surface"));
      fill(position, grey);
    }
  }
}

/**
 * In cells that are large enough: thin gaps, a minus tick or the number itself, a notch where the colour is clipped.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Omit<HeatPlan, "width" | "height" | "trained">} plan
 * @param {Uint8ClampedArray} table
 */
export function paintMarks(context, { data, rows, columns, left, top, cellWidth, cellHeight, scale, texts }, table) {
  context.font = numberFont();
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let position = 0; position < data.length; position += 1) {
    const value = data[position];
    const x = left + (position % columns) * cellWidth;
    const y = top + Math.floor(position / columns) * cellHeight;
    if (!Number.isFinite(value)) {
      if (texts) paintTag(context, texts[position], x + cellWidth / 2, y + cellHeight / 2);
      continue;
    }
    const at = colorIndex(value, scale.limit);
    context.fillStyle = takesDarkText(table.subarray(at, at + 3)) ? "#000000" : "#ffffff";
    if (texts) context.fillText(texts[position], x + cellWidth / 2, y + cellHeight / 2 + 1);
    else if (value < 0 && isSigned(scale.kind) && cellWidth >= MARKED_CELL) context.fillRect(x + cellWidth / 2 - 3, y + cellHeight / 2 - 0.5, 6, 1);
    if (isClipped(value, scale.limit)) paintNotch(context, x + cellWidth, y, Math.min(7, cellWidth / 2));
  }
  if (cellWidth >= MARKED_CELL) paintGaps(context, left, top, columns, rows, cellWidth, cellHeight);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} word
 * @param {number} x
 * @param {number} y
 */
function paintTag(context, word, x, y) {
  const width = context.measureText(word).width + 8;
  context.fillStyle = cssColor("surface");
  context.fillRect(x - width / 2, y - 9, width, 18);
  context.fillStyle = cssColor("ink");
  context.fillText(word, x, y + 1);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} left
 * @param {number} top
 * @param {number} columns
 * @param {number} rows
 * @param {number} cellWidth
 * @param {number} cellHeight
 */
function paintGaps(context, left, top, columns, rows, cellWidth, cellHeight) {
  context.fillStyle = cssColor("line");
  for (let row = 0; row <= rows; row += 1) {
    context.fillRect(left, top + row * cellHeight - (row === rows ? 1 : 0), columns * cellWidth, 1);
  }
  for (let column = 0; column <= columns; column += 1) {
    context.fillRect(left + column * cellWidth - (column === columns ? 1 : 0), top, 1, rows * cellHeight);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {HeatPlan} plan
 */
function paintIndices(context, { rows, columns, left, top, cellWidth, cellHeight }) {
  context.font = numberFont().replace("13px", "12px");
  context.fillStyle = cssColor("dim");
  context.textBaseline = "middle";
  context.textAlign = "center";
  if (top) for (let column = 0; column < columns; column += 1) context.fillText(String(column), left + (column + 0.5) * cellWidth, top / 2);
  context.textAlign = "right";
  if (left) for (let row = 0; row < rows; row += 1) context.fillText(String(row), left - 10, top + (row + 0.5) * cellHeight);
}
