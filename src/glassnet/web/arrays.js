/**
 * The arrays that views show: where a cell lies, and what it is called.
 *
 * `ref` names the array on the whole page (`dense/kernel@0`); a cell of it is `dense/kernel@0[300,37]`. A position is
 * a cell's place in row-major order.
 *
 * @typedef {{shape: number[], data: ArrayLike<number>, ref: string, role: string, name?: string, axes?: string[]}} ArrayView
 * @typedef {{rows: number, columns: number}} PictureShape
 * @typedef {{row: number, column: number, rows: number, columns: number}} CellBlock
 */

import { readRef, writeRef } from "./selection.js";

/**
 * The indices of a position.
 *
 * @param {number} position
 * @param {number[]} shape
 * @returns {number[]}
 */
export function indicesOf(position, shape) {
  const indices = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
    indices[axis] = position % shape[axis];
    position = Math.floor(position / shape[axis]);
  }
  return indices;
}

/**
 * The name of one cell.
 *
 * @param {{shape: number[], ref: string}} array
 * @param {number} position
 */
export function cellRef(array, position) {
  return writeRef(array.ref, indicesOf(position, array.shape));
}

/**
 * The position that a ref names in an array; null if it names another array, all of this one, or a cell outside it.
 *
 * @param {{shape: number[], ref: string}} array
 * @param {string} ref
 * @returns {number | null}
 */
export function positionOf({ shape, ref: own }, ref) {
  const { tensor, cell } = readRef(ref);
  if (tensor !== own || cell.length !== shape.length || !cell.every((index, axis) => index < shape[axis])) return null;
  return shape.reduce((position, size, axis) => position * size + cell[axis], 0);
}

/**
 * How the cells of a shape are laid out as rows and columns, in row-major order. Leading axes of size 1 are dropped,
 * what has the size of an image is drawn as one, and a long vector is wrapped.
 *
 * @param {number[]} shape
 * @param {number[] | null} [image] rows and columns of the model's images
 * @returns {PictureShape}
 */
export function pictureShape(shape, image = null) {
  const size = shape.reduce((product, length) => product * length, 1);
  if (image && size === image[0] * image[1]) return { rows: image[0], columns: image[1] };
  const kept = shape.slice(shape.findIndex((length) => length !== 1)).filter(() => size > 1);
  const last = kept.at(-1) ?? 1;
  if (kept.length > 1 && (last > 1 || size <= 16)) return { rows: size / last, columns: last };
  const columns = size <= 16 ? size : wrapColumns(size);
  return { rows: Math.ceil(size / columns), columns };
}

/**
 * The columns of a wrapped vector: a divisor that makes it nearly square, else a little wider than square.
 *
 * @param {number} size
 */
function wrapColumns(size) {
  const root = Math.ceil(Math.sqrt(size));
  for (let columns = root; columns <= 2 * root; columns += 1) if (size % columns === 0) return columns;
  return Math.ceil(1.3 * root);
}

/**
 * Cells joined to rectangles: runs within a row, then equal runs of neighbouring rows. All 784 weights of one unit, a
 * column of the matrix, are one block.
 *
 * @param {Iterable<number>} positions
 * @param {number} columns
 * @returns {CellBlock[]}
 */
export function blocksOf(positions, columns) {
  /** @type {CellBlock[]} */
  const blocks = [];
  /** @type {Map<string, CellBlock>} */
  const open = new Map();
  for (const run of runsOf(positions, columns)) {
    const key = `${run.column}:${run.columns}`;
    const above = open.get(key);
    if (above && above.row + above.rows === run.row) above.rows += 1;
    else {
      blocks.push(run);
      open.set(key, run);
    }
  }
  return blocks;
}

/**
 * @param {Iterable<number>} positions
 * @param {number} columns
 * @returns {CellBlock[]}
 */
function runsOf(positions, columns) {
  /** @type {CellBlock[]} */
  const runs = [];
  for (const position of [...new Set(positions)].sort((a, b) => a - b)) {
    const row = Math.floor(position / columns);
    const column = position % columns;
    const last = runs.at(-1);
    if (last && last.row === row && last.column + last.columns === column) last.columns += 1;
    else runs.push({ row, column, rows: 1, columns: 1 });
  }
  return runs;
}
