/**
 * A canvas of cells that mouse, keyboard and screen reader can walk over. The canvas only shows; beside it stands a
 * grid of one cell, the current one, that says where it is and what it holds. So 100 000 cells cost five nodes.
 */

import { blocksOf } from "./arrays.js";
import { element, freshId } from "./element.js";
import { sizedContext } from "./paint.js";
import { watchTheme } from "./scale.js";

/**
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 * @typedef {object} PictureSpec
 * @property {string} label what the picture is
 * @property {number} columns
 * @property {number} count how many cells there are; the last row may be short
 * @property {number} width in CSS pixels
 * @property {number} height in CSS pixels
 * @property {(position: number) => Box} box where a cell lies
 * @property {(context: CanvasRenderingContext2D) => void} paint draws everything, in CSS pixels
 * @property {(position: number) => string} speak a cell in words
 * @property {(position: number) => string} ref a cell's name
 * @property {((position: number | null) => void) | undefined} onpoint the pointer or the focus is on a cell, or on none
 * @property {((position: number) => void) | undefined} onpick a cell was clicked, or Enter pressed on it
 */

const MOST_MARKS = 64;

/**
 * An empty picture; `show` gives it something to draw, `mark` outlines the cells that are linked now.
 */
export function picture() {
  watchTheme();
  const { node, canvas, marks, cursor, row, spoken } = pictureParts();
  /** @type {PictureSpec | null} */
  let spec = null;
  let current = 0;
  const paint = () => spec?.paint(sizedContext(canvas, spec.width, spec.height));
  /** @param {number | null} position */
  const point = (position) => {
    if (!spec) return;
    cursor.hidden = position === null;
    if (position !== null) {
      current = position;
      placeBox(cursor, spec.box(position));
      sayCell(row, spoken, spec, position);
    }
    spec.onpoint?.(position);
  };
  const walker = { spec: () => spec, current: () => current, point };
  canvas.addEventListener("redraw", paint);
  followPointer(canvas, walker);
  followKeys(node, walker);

  return {
    node,
    /** @param {PictureSpec} next */
    show(next) {
      spec = next;
      current = Math.min(current, Math.max(next.count - 1, 0));
      cursor.hidden = true;
      describeGrid(node, next);
      if (next.count > 0) sayCell(row, spoken, next, current);
      paint();
    },
    /**
     * @param {number[]} positions
     * @param {Box[]} [boxes] what is to be outlined inside cells
     */
    mark(positions, boxes = []) {
      const { columns, box, ref } = /** @type {PictureSpec} */ (spec);
      const blocks = blocksOf(positions, columns).slice(0, MOST_MARKS);
      marks.replaceChildren(...blocks.map((block) => markOf(block, columns, box, ref)), ...boxes.slice(0, MOST_MARKS).map(innerMark));
    },
  };
}

/** The nodes of a picture, still empty. */
function pictureParts() {
  const canvas = element("canvas", { class: "picture-canvas", "aria-hidden": "true" });
  const spoken = element("div", { role: "gridcell", id: freshId() });
  const row = element("div", { role: "row", class: "visually-hidden" }, spoken);
  const cursor = element("div", { class: "picture-cursor", hidden: true, "aria-hidden": "true" });
  const marks = element("div", { class: "picture-marks", "aria-hidden": "true" });
  const grid = { role: "grid", class: "picture", tabindex: 0, "aria-activedescendant": spoken.id };
  return { node: element("div", grid, canvas, marks, cursor, row), canvas, marks, cursor, row, spoken };
}

/**
 * @param {HTMLElement} node
 * @param {PictureSpec} spec
 */
function describeGrid(node, { label, width, height, columns, count }) {
  node.style.width = `${width}px`;
  node.style.height = `${height}px`;
  node.setAttribute("aria-label", label);
  node.setAttribute("aria-rowcount", String(Math.ceil(count / columns)));
  node.setAttribute("aria-colcount", String(columns));
}

/**
 * @param {HTMLElement} row
 * @param {HTMLElement} spoken
 * @param {PictureSpec} spec
 * @param {number} position
 */
function sayCell(row, spoken, { columns, ref, speak }, position) {
  row.setAttribute("aria-rowindex", String(Math.floor(position / columns) + 1));
  spoken.setAttribute("aria-colindex", String((position % columns) + 1));
  spoken.setAttribute("data-ref", ref(position));
  spoken.textContent = speak(position);
}

/**
 * @param {import("./arrays.js").CellBlock} block
 * @param {number} columns
 * @param {PictureSpec["box"]} box
 * @param {PictureSpec["ref"]} ref
 */
function markOf(block, columns, box, ref) {
  const first = block.row * columns + block.column;
  const from = box(first);
  const to = box((block.row + block.rows - 1) * columns + block.column + block.columns - 1);
  const mark = element("div", { class: "picture-mark is-linked", "data-ref": ref(first) });
  placeBox(mark, { x: from.x, y: from.y, width: to.x + to.width - from.x, height: to.y + to.height - from.y });
  return mark;
}

/** @param {Box} box */
function innerMark(box) {
  const mark = element("div", { class: "picture-mark is-inner" });
  placeBox(mark, box);
  return mark;
}

/**
 * @param {HTMLElement} node
 * @param {Box} box
 */
function placeBox(node, box) {
  node.style.left = `${box.x}px`;
  node.style.top = `${box.y}px`;
  node.style.width = `${box.width}px`;
  node.style.height = `${box.height}px`;
}

/**
 * @typedef {{spec: () => PictureSpec | null, current: () => number, point: (position: number | null) => void}} Walker
 */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Walker} walker
 */
function followPointer(canvas, { spec, point }) {
  /** @type {number | null} */
  let under = null;
  /** @param {MouseEvent} event */
  const cellUnder = (event) => {
    const shown = spec();
    const { left, top, width } = canvas.getBoundingClientRect();
    const size = width / canvas.offsetWidth; // of a pixel here: slides are enlarged
    return shown && hitCell(shown, (event.clientX - left) / size, (event.clientY - top) / size);
  };
  canvas.addEventListener("pointermove", (event) => {
    const position = cellUnder(event);
    if (position !== under) point((under = position));
  });
  canvas.addEventListener("pointerleave", () => point((under = null)));
  canvas.addEventListener("click", (event) => {
    const position = cellUnder(event);
    if (position === null) return;
    point(position);
    spec()?.onpick?.(position);
  });
}

/**
 * The cell under a point: cells lie on a regular grid, so the first two boxes tell the pitch.
 *
 * @param {PictureSpec} spec
 * @param {number} x
 * @param {number} y
 * @returns {number | null}
 */
function hitCell(spec, x, y) {
  const first = spec.box(0);
  const right = spec.box(1);
  const below = spec.box(spec.columns);
  const column = spec.columns > 1 ? Math.floor((x - first.x) / (right.x - first.x)) : 0;
  const row = Math.floor((y - first.y) / (below.y - first.y));
  const position = row * spec.columns + column;
  return row >= 0 && column >= 0 && column < spec.columns && position < spec.count ? position : null;
}

/**
 * @param {HTMLElement} node
 * @param {Walker} walker
 */
function followKeys(node, { spec, current, point }) {
  node.addEventListener("focus", () => node.matches(":focus-visible") && point(current()));
  node.addEventListener("blur", () => point(null));
  node.addEventListener("keydown", (event) => {
    const shown = spec();
    if (!shown || shown.count === 0) return;
    if (event.key === "Enter" || event.key === " ") shown.onpick?.(current());
    else {
      const next = afterKey(event, current(), shown.columns, shown.count);
      if (next === null) return;
      point(next);
    }
    event.preventDefault();
    event.stopPropagation(); // the page's own arrow keys step through the tour
  });
}

/**
 * Where a key leads in a grid: arrows one cell, Home and End to the row's ends, with Ctrl to the first and last cell.
 * Null for any other key.
 *
 * @param {{key: string, ctrlKey: boolean}} event
 * @param {number} position
 * @param {number} columns
 * @param {number} count
 * @returns {number | null}
 */
export function afterKey(event, position, columns, count) {
  const start = position - (position % columns);
  const end = Math.min(start + columns, count) - 1;
  switch (event.key) {
    case "ArrowLeft": return Math.max(start, position - 1);
    case "ArrowRight": return Math.min(end, position + 1);
    case "ArrowUp": return position >= columns ? position - columns : position;
    case "ArrowDown": return position + columns < count ? position + columns : position;
    case "Home": return event.ctrlKey ? 0 : start;
    case "End": return event.ctrlKey ? count - 1 : end;
    default: return null;
  }
}
