/** What every canvas view draws with: coloured cells, hatches, notches, the page's type and colours. */

import { positionIn } from "./maps.js";
import { colorIndex, themeColor } from "./scale.js";

/**
 * A context in CSS pixels of an empty canvas of this size.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 */
export function sizedContext(canvas, width, height) {
  const density = (window.devicePixelRatio || 1) * (canvas.currentCSSZoom ?? 1);
  canvas.width = Math.max(1, Math.round(width * density));
  canvas.height = Math.max(1, Math.round(height * density));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.scale(density, density);
  return context;
}

let font = "";

/** The page's own face at the size of numbers, found once: a style that is asked for makes the browser restyle the page. */
export function numberFont() {
  font ||= `13px ${getComputedStyle(document.body).fontFamily}`;
  return font;
}

/**
 * Coloured cells, drawn one pixel each and then enlarged.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{data: ArrayLike<number>, rows: number, columns: number, scale: import("./scale.js").Scale, left: number,
 *   top: number, cellWidth: number, cellHeight: number, smooth?: boolean}} plan `smooth`: cells are samples of a plane
 * @param {Uint8ClampedArray} table
 */
export function paintCells(context, { data, rows, columns, scale, smooth, ...box }, table) {
  const image = new ImageData(columns, rows);
  for (let position = 0; position < data.length; position += 1) {
    if (Number.isFinite(data[position])) setPixel(image, position, table, colorIndex(data[position], scale.limit));
  }
  enlarge(context, image, { ...box, smooth });
}

/**
 * Images under one another, one pixel per number, from which they can be drawn one by one.
 *
 * @param {import("./maps.js").Images} images
 * @param {ArrayLike<number>} data of the tensor in which they lie
 * @param {number[]} order which ones
 * @param {import("./scale.js").Scale} scale
 * @param {Uint8ClampedArray} table
 */
export function imageSheet(images, data, order, { limit }, table) {
  const { rows, columns, cells } = images;
  const sheet = new ImageData(columns, rows * Math.max(order.length, 1));
  order.forEach((image, place) => {
    for (let cell = 0; cell < cells; cell += 1) {
      const value = data[positionIn(images, image, cell)];
      if (Number.isFinite(value)) setPixel(sheet, place * rows * columns + cell, table, colorIndex(value, limit));
    }
  });
  return canvasOf(sheet);
}

/**
 * @param {ImageData} image
 * @param {number} position
 * @param {ArrayLike<number>} colors
 * @param {number} at where the pixel's colour begins
 */
export function setPixel(image, position, colors, at) {
  const to = 4 * position;
  image.data[to] = colors[at];
  image.data[to + 1] = colors[at + 1];
  image.data[to + 2] = colors[at + 2];
  image.data[to + 3] = 255;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ImageData} image one pixel per cell
 * @param {{left: number, top: number, cellWidth: number, cellHeight: number, smooth: boolean | undefined}} box
 */
export function enlarge(context, image, { left, top, cellWidth, cellHeight, smooth }) {
  context.imageSmoothingEnabled = smooth ?? cellWidth < 1;
  context.drawImage(canvasOf(image), left, top, image.width * cellWidth, image.height * cellHeight);
}

/**
 * @param {ImageData} image
 * @returns {HTMLCanvasElement}
 */
export function canvasOf(image) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas;
}

/** @type {Map<string, HTMLCanvasElement>} */
const tiles = new Map();

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} name a theme colour
 * @returns {string | CanvasPattern}
 */
export function hatch(context, name) {
  const color = cssColor(name);
  const tile = tiles.get(color) ?? hatchTile(color);
  tiles.set(color, tile);
  return context.createPattern(tile, "repeat") ?? color;
}

/** @param {string} color */
function hatchTile(color) {
  const tile = document.createElement("canvas");
  [tile.width, tile.height] = [5, 5];
  const pen = /** @type {CanvasRenderingContext2D} */ (tile.getContext("2d"));
  pen.strokeStyle = color;
  pen.lineWidth = 1.2;
  for (const shift of [-5, 0, 5]) {
    pen.beginPath();
    pen.moveTo(shift - 1, 6);
    pen.lineTo(shift + 6, -1);
    pen.stroke();
  }
  return tile;
}

/**
 * A theme colour for a canvas.
 *
 * @param {string} name
 */
export function cssColor(name) {
  return `rgb(${themeColor(name).join(" ")})`;
}

/**
 * A filled corner, top right: the cell's number lies beyond the scale.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {number} right
 * @param {number} top
 * @param {number} side
 */
export function paintNotch(context, right, top, side) {
  context.beginPath();
  context.moveTo(right - side, top);
  context.lineTo(right, top);
  context.lineTo(right, top + side);
  context.fill();
}
