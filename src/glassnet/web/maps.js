/**
 * The images that lie in a tensor: the maps of one sample, (N, H, W, C), one per channel; the filters of a kernel,
 * (U, V, C, O), each seen through one input channel. An image keeps its place in the tensor, so its cells keep their refs.
 *
 *   conv2d/relu[0,:,:,5]       map 5 of sample 0
 *   conv2d/kernel@0[:,:,2,5]   what filter 5 looks for in channel 2
 */

import { pictureShape } from "./arrays.js";

/**
 * `start` is the position of the first cell of image 0; the steps lead from there to the next row, column and image. The
 * last row of a wrapped vector may be short: an image has so many `cells`. `part` is the sample of maps, the input
 * channel of filters.
 * @typedef {{kind: "map" | "filter" | "unit", ref: string, part: number, rows: number, columns: number, cells: number,
 *   count: number, start: number, rowStep: number, columnStep: number, imageStep: number}} Images
 * @typedef {{shape: number[], axes?: string[], ref: string}} Shaped
 */

export const MOST_IMAGES = 64;

/**
 * @param {Shaped} tensor
 * @param {number} [part] the sample of maps, the input channel of filters
 * @returns {Images | null} null for a tensor that holds no images
 */
export function imagesOf({ shape, axes, ref }, part = 0) {
  const [first, second, third, count] = shape;
  const letters = axes?.join("");
  if (letters === "NHWC") {
    const sample = Math.min(part, first - 1);
    const rowStep = third * count;
    return { kind: "map", ref, part: sample, rows: second, columns: third, cells: second * third, count, start: sample * second * rowStep, rowStep, columnStep: count, imageStep: 1 };
  }
  if (letters === "UVCO") {
    const channel = Math.min(part, third - 1);
    const columnStep = third * count;
    return { kind: "filter", ref, part: channel, rows: first, columns: second, cells: first * second, count, start: channel * count, rowStep: second * columnStep, columnStep, imageStep: 1 };
  }
  return null;
}

/**
 * The same images turned by 180°: as the error meets a kernel on its way back.
 * @param {Images} images
 * @returns {Images}
 */
export function turned(images) {
  const { start, rows, columns, rowStep, columnStep } = images;
  return { ...images, start: start + (rows - 1) * rowStep + (columns - 1) * columnStep, rowStep: -rowStep, columnStep: -columnStep };
}

/**
 * The weights of every unit of a matrix (inputs, units) as an image.
 * @param {Shaped} tensor
 * @param {number[] | null} image rows and columns of the model's images
 * @returns {Images}
 */
export function imagesOfUnits({ shape: [inputs, units], ref }, image) {
  const { rows, columns } = pictureShape([inputs], image);
  return { kind: "unit", ref, part: 0, rows, columns, cells: inputs, count: units, start: 0, rowStep: columns * units, columnStep: units, imageStep: 1 };
}

/**
 * The weights of one unit that reads maps in one row, as images; they lie in a matrix (inputs, units).
 * @param {Shaped} tensor
 * @param {number[]} maps shape (N, H, W, C)
 * @param {number} unit
 * @returns {Images}
 */
export function imagesOfColumn({ shape: [, units], ref }, [, rows, columns, count], unit) {
  const columnStep = count * units;
  return { kind: "map", ref, part: 0, rows, columns, cells: rows * columns, count, start: unit, rowStep: columns * columnStep, columnStep, imageStep: units };
}

/**
 * The position in the tensor of a cell of an image; the cells of an image are counted row by row.
 * @param {Images} images
 * @param {number} image
 * @param {number} cell
 */
export function positionIn({ start, columns, rowStep, columnStep, imageStep }, image, cell) {
  return start + image * imageStep + Math.floor(cell / columns) * rowStep + (cell % columns) * columnStep;
}

/**
 * The numbers of one image.
 * @param {Images} images
 * @param {ArrayLike<number>} data of the tensor
 * @param {number} image
 */
export function imageNumbers(images, data, image) {
  return Float64Array.from({ length: images.cells }, (_, cell) => data[positionIn(images, image, cell)]);
}

/**
 * The name of a whole image.
 * @param {Images} images
 * @param {number} image
 */
export function imageRef({ kind, ref, part }, image) {
  if (kind === "unit") return `${ref}[:,${image}]`;
  return kind === "map" ? `${ref}[${part},:,:,${image}]` : `${ref}[:,:,${part},${image}]`;
}

/**
 * The tensor, the sample or input channel, and the number of the image that such a name says; null for any other name.
 * @param {string} ref
 * @returns {{tensor: string, part: number, image: number} | null}
 */
export function readImageRef(ref) {
  const found = /^(.*)\[(?:(\d+),:,:|:,:,(\d+)),(\d+)\]$/s.exec(ref);
  return found && { tensor: found[1], part: Number(found[2] ?? found[3]), image: Number(found[4]) };
}

/**
 * The cell of the tensor that a cell of an image is.
 * @param {Images} images
 * @param {number} image
 * @param {number} cell
 * @returns {number[]}
 */
export function cellIn({ kind, part, columns, cells, rowStep }, image, cell) {
  const at = rowStep < 0 ? cells - 1 - cell : cell;
  const [row, column] = [Math.floor(at / columns), at % columns];
  return kind === "map" ? [part, row, column, image] : [row, column, part, image];
}

/**
 * How many images stand side by side so that they are as large as the box allows, preferring full rows; large cells have
 * whole pixels.
 * @param {{count: number, rows: number, columns: number, width: number, height: number, gap: number, below?: number}} wanted
 *   `below`: pixels that stay free under every image
 * @returns {{across: number, down: number, side: number}} `side` of a cell
 */
export function mosaic({ count, rows, columns, width, height, gap, below = 0 }) {
  const layouts = Array.from({ length: count }, (_, before) => {
    const across = before + 1;
    const down = Math.ceil(count / across);
    const side = Math.min(((width + gap) / across - gap) / columns, ((height + gap) / down - gap - below) / rows);
    return { across, down, side: side >= 2 ? Math.floor(side) : side };
  });
  const largest = Math.max(...layouts.map(({ side }) => side));
  const good = layouts.filter(({ side }) => side >= 0.85 * largest);
  return good.find(({ across }) => count % across === 0) ?? /** @type {{across: number, down: number, side: number}} */ (good.find(({ side }) => side === largest));
}
