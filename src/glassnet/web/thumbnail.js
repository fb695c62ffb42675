/** A small still picture of an array: coloured cells, or bars where there are too few cells for a picture. */

import { pictureShape } from "./arrays.js";
import { element } from "./element.js";
import { cssColor, hatch, paintCells, sizedContext } from "./paint.js";
import { colorIndex, colorTable, isSigned, limitOf, scaleKind, watchTheme } from "./scale.js";

/**
 * @typedef {object} ThumbnailOptions
 * @property {import("./arrays.js").ArrayView} array
 * @property {number} size CSS pixels of the longer side
 * @property {number[] | null} [image] rows and columns of the model's images
 * @property {import("./scale.js").ScaleKind} [kind] otherwise the role's own
 * @property {number} [limit] a locked limit
 */

const BAR_CELLS = 16;
const SMALLEST = 8;

/**
 * A canvas that repaints itself when the theme changes. It is decoration: the words beside it say what it shows.
 *
 * @param {ThumbnailOptions} options
 * @returns {HTMLCanvasElement}
 */
export function thumbnail({ array, size, image = null, kind = scaleKind(array, image), limit = limitOf(array.data, kind) }) {
  watchTheme();
  const shape = pictureShape(array.shape, image);
  const bars = shape.rows === 1 && shape.columns <= BAR_CELLS && kind !== "ink";
  const side = size / Math.max(shape.rows, shape.columns);
  const width = bars ? size : Math.max(SMALLEST, Math.round(side * shape.columns));
  const height = bars ? size : Math.max(SMALLEST, Math.round(side * shape.rows));
  const canvas = element("canvas", { class: "picture-canvas thumbnail", "aria-hidden": "true" });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const scale = { kind, limit };
  const paint = () => {
    const context = sizedContext(canvas, width, height);
    if (bars) paintBars(context, array.data, scale, width, height);
    else {
      const cells = { data: array.data, ...shape, scale, left: 0, top: 0, cellWidth: width / shape.columns, cellHeight: height / shape.rows };
      paintCells(context, cells, colorTable(kind));
      paintBroken(context, cells);
    }
  };
  canvas.addEventListener("redraw", paint);
  paint();
  return canvas;
}

/**
 * Bars about a zero line; a scale from zero up has its line at the bottom.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {ArrayLike<number>} data
 * @param {import("./scale.js").Scale} scale
 * @param {number} width
 * @param {number} height
 */
function paintBars(context, data, { kind, limit }, width, height) {
  const table = colorTable(kind);
  const pitch = width / data.length;
  const thickness = Math.min(Math.max(2, pitch - 2), 24);
  const down = isSigned(kind) && Array.from(data).some((value) => value < 0);
  const zero = down ? height / 2 : height - 1;
  const reach = down ? height / 2 - 2 : height - 4;
  for (let index = 0; index < data.length; index += 1) {
    const value = data[index];
    const left = (index + 0.5) * pitch - thickness / 2;
    if (!Number.isFinite(value)) {
      context.fillStyle = hatch(context, "ink");
      context.fillRect(left, 0, thickness, height);
      continue;
    }
    const share = Math.max(-1, Math.min(1, value / limit));
    const full = colorIndex(Math.sign(value) * limit, limit);
    context.fillStyle = isSigned(kind) ? `rgb(${table.subarray(full, full + 3).join(" ")})` : cssColor("ink");
    context.fillRect(left, share > 0 ? zero - share * reach : zero, thickness, Math.max(Math.abs(share) * reach, value ? 1 : 0));
  }
  context.fillStyle = cssColor("dim");
  context.fillRect(0, zero, width, 1);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{data: ArrayLike<number>, columns: number, cellWidth: number, cellHeight: number}} cells
 */
function paintBroken(context, { data, columns, cellWidth, cellHeight }) {
  context.fillStyle = cellWidth < 6 ? cssColor("ink") : hatch(context, "ink");
  for (let position = 0; position < data.length; position += 1) {
    if (Number.isFinite(data[position])) continue;
    context.fillRect((position % columns) * cellWidth, Math.floor(position / columns) * cellHeight, Math.max(cellWidth, 1), Math.max(cellHeight, 1));
  }
}
