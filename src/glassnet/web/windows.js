/**
 * Operations that move a window over an image: which cells of the image meet which pixel of the result. Tap u of pixel p
 * meets image cell s p + d u − b, with stride s, dilation d and b cells of border before the image.
 */

/** @import {Op, Tensor, Trace} from "./trace.js" */
/** @typedef {{size: number, stride: number, dilation: number, border: number, cells: number, pixels: number}} Axis one axis of the window */

const CONVOLUTIONS = new Set(["convolution", "biased_convolution"]);

/** @param {Op} op */
export const isConvolution = ({ op }) => CONVOLUTIONS.has(op);

/**
 * The window of a convolution or of a pooling over images (N, H, W, C); null for other operations, and where channels
 * are in groups.
 * @param {Op} op
 * @returns {[Axis, Axis] | null}
 */
export function movingWindow({ op, attrs, reads: [image, kernel], writes: [result] }) {
  const sizes = CONVOLUTIONS.has(op) ? kernel.shape : op === "max_pooling" ? attrs.pool_size : null;
  if (!Array.isArray(sizes) || attrs.grouped || image.shape.length !== 4) return null;
  const [row, column] = [0, 1].map((axis) => {
    const [size, stride] = [sizes[axis], Number(listed(attrs.strides)[axis])];
    const dilation = Number(listed(attrs.dilation)[axis] ?? 1);
    const [cells, pixels] = [image.shape[axis + 1], result.shape[axis + 1]];
    return { size, stride, dilation, cells, pixels, border: borderOf(attrs.padding, axis, (pixels - 1) * stride + (size - 1) * dilation + 1 - cells) };
  });
  return [row, column];
}

/** @param {unknown} value */
function listed(value) {
  return Array.isArray(value) ? value : [];
}

/**
 * @param {unknown} padding
 * @param {number} axis
 * @param {number} missing cells that the windows reach beyond the image
 */
function borderOf(padding, axis, missing) {
  if (Array.isArray(padding)) return Number(padding[axis][0]);
  return padding === "same" ? Math.floor(Math.max(missing, 0) / 2) : 0;
}

/**
 * The image cell that a tap of a pixel meets; −1 outside the image.
 * @param {Axis} axis
 * @param {number} pixel
 * @param {number} tap
 */
export function cellMet({ stride, dilation, border, cells }, pixel, tap) {
  const cell = stride * pixel + dilation * tap - border;
  return cell >= 0 && cell < cells ? cell : -1;
}

/**
 * The pixels whose windows hold an image cell, each with the tap that meets it.
 * @param {Axis} axis
 * @param {number} cell
 * @returns {{pixel: number, tap: number}[]}
 */
export function pixelsMeeting(axis, cell) {
  return Array.from({ length: axis.size }, (_, tap) => ({ tap, pixel: (cell + axis.border - axis.dilation * tap) / axis.stride }))
    .filter(({ pixel }) => Number.isInteger(pixel) && pixel >= 0 && pixel < axis.pixels);
}

/**
 * Slopes behind a convolution: every pixel hands its own to the cells of its window, times the weights.
 * @param {Op} op
 * @param {[Axis, Axis]} window
 * @param {Float64Array} after slopes by the result
 */
export function slopesBehindConvolution({ reads: [image, kernel], writes: [result] }, [down, across], after) {
  const [samples, rows, columns, channels] = image.shape;
  const filters = result.shape[3];
  const before = new Float64Array(samples * rows * columns * channels);
  const weights = /** @type {ArrayLike<number>} */ (kernel.data);
  for (let cell = 0; cell < after.length; cell += 1) {
    if (!after[cell]) continue;
    const filter = cell % filters;
    const [n, p, q] = [Math.floor(cell / filters / across.pixels / down.pixels), Math.floor(cell / filters / across.pixels) % down.pixels, Math.floor(cell / filters) % across.pixels];
    for (let u = 0; u < down.size; u += 1) {
      for (let v = 0; v < across.size; v += 1) {
        const [row, column] = [cellMet(down, p, u), cellMet(across, q, v)];
        if (row < 0 || column < 0) continue;
        const to = ((n * rows + row) * columns + column) * channels;
        const from = (u * across.size + v) * channels * filters + filter;
        for (let channel = 0; channel < channels; channel += 1) before[to + channel] += after[cell] * weights[from + channel * filters];
      }
    }
  }
  return before;
}

/**
 * For every pixel of a max pooling, the position in the image of the cell that won.
 * @param {Op} op
 * @param {[Axis, Axis]} window
 */
export function winnersOf({ reads: [image], writes: [, winner] }, [down, across]) {
  const [, rows, columns, channels] = image.shape;
  return Array.from(winner.data ?? [], (tap, pixel) => {
    const [n, p, q] = [Math.floor(pixel / channels / across.pixels / down.pixels), Math.floor(pixel / channels / across.pixels) % down.pixels, Math.floor(pixel / channels) % across.pixels];
    const [row, column] = [cellMet(down, p, Math.floor(tap / across.size)), cellMet(across, q, tap % across.size)];
    return ((n * rows + row) * columns + column) * channels + (pixel % channels);
  });
}

/**
 * The cells of the network's input that a number can see: the corners of the box, found by following the rules back.
 * @param {Trace} trace
 * @param {Tensor} tensor of the forward pass
 * @param {number[]} cell
 * @returns {{input: Tensor, low: number[], high: number[]} | null}
 */
export function receptiveField(trace, tensor, cell) {
  let [at, low, high] = [tensor, cell, cell]; // the same corner, until a window opens between them
  for (let writer = trace.opWriting(at); writer; writer = trace.opWriting(at)) {
    const read = writer.reads[0];
    const found = (low === high ? [low] : [low, high]).flatMap((corner) => cellsRead(trace, writer, at, corner));
    if (!found.length) return null;
    [low, high] = [Math.min, Math.max].map((choose) => read.shape.map((_, axis) => found.reduce((best, one) => choose(best, one[axis]), found[0][axis])));
    at = read;
  }
  return at.role === "input" ? { input: at, low, high } : null;
}

/**
 * @param {Trace} trace
 * @param {Op} op
 * @param {Tensor} result
 * @param {number[]} cell
 * @returns {number[][]} the cells of what the operation reads first
 */
function cellsRead(trace, op, result, cell) {
  const worked = trace.workCell(op, op.writes.indexOf(result), cell);
  return (worked?.sources ?? []).filter(({ array, role }) => array === op.inputs[0] && role === "value").map((source) => source.cell);
}
