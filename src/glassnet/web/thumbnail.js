/** A small still picture of an array: coloured cells, images side by side, or bars where there are few numbers. */

import { pictureShape } from "./arrays.js";
import { element } from "./element.js";
import { MOST_IMAGES, imagesOf, mosaic, imageNumbers } from "./maps.js";
import { cssColor, hatch, imageSheet, paintCells, sizedContext } from "./paint.js";
import { colorIndex, colorTable, countUncolored, isSigned, keptLimit, scaleKind, watchTheme } from "./scale.js";

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
const IMAGE_GAPS = { few: 5, many: 2 };
const MANY_IMAGES = 16;

/**
 * A canvas that repaints itself when the theme changes. It is decoration: the words beside it say what it shows.
 *
 * @param {ThumbnailOptions} options
 * @returns {HTMLCanvasElement}
 */
export function thumbnail({ array, size, image = null, kind = scaleKind(array, image), limit = keptLimit(array.data, kind) }) {
  watchTheme();
  const images = imagesOf(array);
  if (images) return mosaicThumbnail(array, images, size, { kind, limit });
  const shape = pictureShape(array.shape, image);
  const bars = shape.rows === 1 && shape.columns <= BAR_CELLS && kind !== "ink";
  const side = size / Math.max(shape.rows, shape.columns);
  const width = bars ? size : Math.max(SMALLEST, Math.round(side * shape.columns));
  const height = bars ? size : Math.max(SMALLEST, Math.round(side * shape.rows));
  const scale = { kind, limit };
  return stillCanvas(width, height, (context) => {
    if (bars) paintBars(context, array.data, scale, width, height);
    else {
      const cells = { data: array.data, ...shape, scale, left: 0, top: 0, cellWidth: width / shape.columns, cellHeight: height / shape.rows };
      paintCells(context, cells, colorTable(kind));
      paintBroken(context, cells, cells.cellWidth < 6 ? cssColor("ink") : hatch(context, "ink"));
    }
  });
}

/**
 * Maps or filters side by side, in thin frames.
 *
 * @param {import("./arrays.js").ArrayView} array
 * @param {import("./maps.js").Images} images
 * @param {number} size
 * @param {import("./scale.js").Scale} scale
 */
function mosaicThumbnail({ data }, images, size, scale) {
  const { rows, columns } = images;
  const order = Array.from({ length: Math.min(images.count, MOST_IMAGES) }, (_, image) => image);
  const gap = order.length === 1 ? 0 : order.length < MANY_IMAGES ? IMAGE_GAPS.few : IMAGE_GAPS.many;
  const { across, down, side } = mosaic({ count: order.length, rows, columns, width: size, height: size, gap });
  const [pitchX, pitchY] = [columns * side + gap, rows * side + gap];
  return stillCanvas(across * pitchX - gap, down * pitchY - gap, (context) => {
    const sheet = imageSheet(images, data, order, scale, colorTable(scale.kind));
    const black = cssColor("ink");
    const { notFinite } = countUncolored(data);
    context.strokeStyle = cssColor("line");
    context.imageSmoothingEnabled = side < 1;
    for (const image of order) {
      const box = { left: (image % across) * pitchX, top: Math.floor(image / across) * pitchY, cellWidth: side, cellHeight: side, columns };
      context.drawImage(sheet, 0, image * rows, columns, rows, box.left, box.top, columns * side, rows * side);
      if (notFinite) paintBroken(context, { data: imageNumbers(images, data, image), ...box }, black);
      if (gap) context.strokeRect(box.left - 0.5, box.top - 0.5, columns * side + 1, rows * side + 1);
    }
  });
}

/**
 * @param {number} width
 * @param {number} height
 * @param {(context: CanvasRenderingContext2D) => void} draw
 */
function stillCanvas(width, height, draw) {
  const canvas = element("canvas", { class: "picture-canvas thumbnail", "aria-hidden": "true" });
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const paint = () => draw(sizedContext(canvas, width, height));
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
 * @param {{data: ArrayLike<number>, columns: number, left: number, top: number, cellWidth: number, cellHeight: number}} cells
 * @param {string | CanvasPattern} black
 */
function paintBroken(context, { data, columns, left, top, cellWidth, cellHeight }, black) {
  context.fillStyle = black;
  for (let position = 0; position < data.length; position += 1) {
    if (Number.isFinite(data[position])) continue;
    context.fillRect(left + (position % columns) * cellWidth, top + Math.floor(position / columns) * cellHeight, Math.max(cellWidth, 1), Math.max(cellHeight, 1));
  }
}
