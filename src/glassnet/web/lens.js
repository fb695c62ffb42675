/** A window of numbers onto a matrix that is too large to print: move it, and read every cell of it. */

import { cellRef, pictureShape, positionOf } from "./arrays.js";
import { element, freshId, onWidth } from "./element.js";
import { speakCell } from "./heat.js";
import { text } from "./messages.js";
import { format, formatFull } from "./numbers.js";
import { afterKey } from "./picture.js";
import { commonDigits, fixed } from "./rounding.js";
import { colorIndex, colorTable, limitOf, scaleKind, takesDarkText, watchTheme } from "./scale.js";

/**
 * @typedef {object} LensOptions
 * @property {import("./arrays.js").ArrayView} array
 * @property {string} [title]
 * @property {number[] | null} [image] rows and columns of the model's images
 * @property {import("./scale.js").ScaleKind} [kind] otherwise the role's own
 * @property {number} [limit] a locked limit
 * @property {string} [cell] the ref in the middle of the window
 * @property {string[]} [linked] refs to outline
 * @property {(ref: string) => void} [onpoint] the cell under the pointer or the focus
 * @property {(ref: string) => void} [onpick]
 */

const WINDOW = 9;
const CELL_WIDTH = 63;
const INDEX_WIDTH = 84; // of the row numbers, the frame and, for gradients, its tab

/**
 * @param {LensOptions} options
 * @returns {{node: HTMLElement, update: (options: Partial<LensOptions>) => void}}
 */
export function lens(options) {
  watchTheme();
  const parts = lensParts();
  const state = { position: positionOf(options.array, options.cell ?? "") ?? 0, across: WINDOW };
  const draw = () => drawLens(parts, options, state);
  parts.table.addEventListener("redraw", draw);
  followHand(parts.table, {
    options: () => options,
    position: () => state.position,
    move(position) {
      state.position = position;
      draw();
      options.onpoint?.(cellRef(options.array, position));
    },
  });
  draw();
  onWidth(parts.node, (width) => {
    state.across = Math.max(1, Math.min(WINDOW, Math.floor((width - INDEX_WIDTH) / CELL_WIDTH)));
    draw();
  });
  return {
    node: parts.node,
    update(changes) {
      options = { ...options, ...changes };
      if (changes.cell !== undefined || changes.array) state.position = positionOf(options.array, options.cell ?? "") ?? 0;
      draw();
    },
  };
}

/** The nodes of a lens, still empty. */
function lensParts() {
  const caption = element("figcaption", { class: "view-title" });
  const table = element("table", { class: "lens-table", role: "grid", tabindex: 0 });
  const frame = element("div", {}, table);
  const status = element("p", { class: "view-status" });
  return { caption, table, frame, status, node: element("figure", { class: "view lens" }, caption, frame, status) };
}

/**
 * @param {ReturnType<typeof lensParts>} parts
 * @param {LensOptions} options
 * @param {{position: number, across: number}} state
 */
function drawLens({ caption, table, frame, status, node }, options, { position, across }) {
  const { array, title = array.name ?? array.ref, image = null, linked = [] } = options;
  const shape = pictureShape(array.shape, image);
  const view = windowAround(position, { ...shape, across, down: WINDOW });
  const digits = commonDigits(array.data);
  const power = digits.exponent ? `, ${text("number.power", { power: format(10 ** digits.exponent) })}` : "";
  const dtype = array.data instanceof Float32Array ? "float32" : "float64";
  node.dataset.role = array.role;
  frame.className = `frame role-${array.role}`;
  caption.replaceChildren(title, element("span", { class: "view-shape" }, text("lens.window", spanTexts(view)) + power));
  status.textContent = `${cellRef(array, position)} = ${formatFull(array.data[position], dtype)}`;
  table.setAttribute("aria-label", title);
  table.setAttribute("aria-rowcount", String(shape.rows));
  table.setAttribute("aria-colcount", String(shape.columns));
  table.replaceChildren(...tableRows(view, shape.columns, options, position, digits));
  table.setAttribute("aria-activedescendant", table.querySelector("td.is-current")?.id ?? "");
  for (const cell of table.querySelectorAll("td")) cell.classList.toggle("is-linked", linked.includes(cell.dataset.ref ?? ""));
}

/**
 * @param {HTMLTableElement} table
 * @param {{options: () => LensOptions, position: () => number, move: (position: number) => void}} hand
 */
function followHand(table, { options, position, move }) {
  const positionUnder = (/** @type {Event} */ event) => {
    const cell = event.target instanceof Element ? event.target.closest("td") : null;
    return cell?.dataset.position ? Number(cell.dataset.position) : null;
  };
  const pick = () => options().onpick?.(cellRef(options().array, position()));
  table.addEventListener("pointerover", (event) => {
    const under = positionUnder(event);
    if (under !== null) options().onpoint?.(cellRef(options().array, under));
  });
  table.addEventListener("click", (event) => {
    const under = positionUnder(event);
    if (under === null) return;
    move(under);
    pick();
  });
  table.addEventListener("keydown", (event) => {
    const { array, image = null } = options();
    const next = afterKey(event, position(), pictureShape(array.shape, image).columns, array.data.length);
    if (next !== null) move(next);
    else if (event.key === "Enter" || event.key === " ") pick();
    else return;
    event.preventDefault();
    event.stopPropagation(); // the page's own arrow keys step through the tour
  });
}

/**
 * The rows and columns in view: the cell in the middle, except near an edge.
 *
 * @param {number} position
 * @param {{rows: number, columns: number, across: number, down: number}} shape
 * @returns {{row: number, column: number, rows: number, columns: number}}
 */
function windowAround(position, { rows, columns, across, down }) {
  const first = (/** @type {number} */ middle, /** @type {number} */ size, /** @type {number} */ length) =>
    Math.max(0, Math.min(middle - Math.floor(size / 2), length - size));
  return {
    row: first(Math.floor(position / columns), down, rows),
    column: first(position % columns, across, columns),
    rows: Math.min(down, rows),
    columns: Math.min(across, columns),
  };
}

/** @param {import("./arrays.js").CellBlock} view */
function spanTexts({ row, column, rows, columns }) {
  const span = (/** @type {number} */ first, /** @type {number} */ length) => (length === 1 ? String(first) : `${first}–${first + length - 1}`);
  return { rows: span(row, rows), columns: span(column, columns) };
}

/**
 * @param {import("./arrays.js").CellBlock} view
 * @param {number} columns of the whole matrix
 * @param {LensOptions} options
 * @param {number} current
 * @param {{exponent: number, decimals: number}} digits
 * @returns {HTMLElement[]}
 */
function tableRows(view, columns, options, current, digits) {
  const { array, image = null, kind = scaleKind(array, image), limit = limitOf(array.data, kind) } = options;
  const table = colorTable(kind);
  const places = (/** @type {number} */ first, /** @type {number} */ length) => Array.from({ length }, (_, at) => first + at);
  const index = (/** @type {"row" | "col"} */ scope, /** @type {number} */ at, /** @type {number} */ chosen) =>
    element("th", { scope, class: at === chosen ? "is-current" : null }, String(at));
  const head = element("tr", {}, element("th", {}, element("span", { class: "visually-hidden" }, text("lens.row"))));
  head.append(...places(view.column, view.columns).map((column) => index("col", column, current % columns)));
  const rows = places(view.row, view.rows).map((row) => {
    const line = element("tr", { "aria-rowindex": row + 1 }, index("row", row, Math.floor(current / columns)));
    for (const column of places(view.column, view.columns)) {
      const position = row * columns + column;
      if (position >= array.data.length) line.append(element("td"));
      else {
        const cell = lensCell(array, position, limit, table, fixed(array.data[position] / 10 ** digits.exponent, digits.decimals));
        cell.classList.toggle("is-current", position === current);
        line.append(cell);
      }
    }
    return line;
  });
  return [element("thead", {}, head), element("tbody", {}, ...rows)];
}

/**
 * @param {import("./arrays.js").ArrayView} array
 * @param {number} position
 * @param {number} limit of the scale
 * @param {Uint8ClampedArray} table its colours
 * @param {string} number as printed
 */
function lensCell(array, position, limit, table, number) {
  const value = array.data[position];
  const sign = value > 0 && (array.role === "grad" || array.role === "delta") ? "+" : "";
  const attributes = { role: "gridcell", id: freshId(), "data-ref": cellRef(array, position), "data-position": position };
  const cell = element("td", { ...attributes, "aria-label": speakCell(array, position) }, sign + number);
  if (!Number.isFinite(value)) cell.classList.add("hatch-not-finite");
  else {
    const at = colorIndex(value, limit);
    const color = table.subarray(at, at + 3);
    cell.style.background = `rgb(${color.join(" ")})`;
    cell.style.color = takesDarkText(color) ? "#000000" : "#ffffff";
  }
  return cell;
}
