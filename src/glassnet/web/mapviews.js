/**
 * Layers that work on images: all maps of a tensor side by side, the filters of a kernel, one map large beside what it was
 * made of, one cell with the patch that it saw.
 */

import { slopeName } from "./chain.js";
import { element } from "./element.js";
import { formulaWithNumbers } from "./formula.js";
import { cellIn, imageNumbers, imageRef, imagesOf, imagesOfColumn, readImageRef, turned } from "./maps.js";
import { text } from "./messages.js";
import { forwardOps } from "./network.js";
import { patchOf, patchPart, patchSum } from "./patch.js";
import { readRef, writeRef } from "./selection.js";
import { unitgrid } from "./unitgrid.js";
import { isConvolution, receptiveField, movingWindow, winnersOf } from "./windows.js";
import { arrayOf, equationNode, limitFor, scaleFor, slicePicture, tensorTitle } from "./zoom.js";

/** @import {Images} from "./maps.js" */
/** @import {Op, Tensor, Trace} from "./trace.js" */
/** @import {Part, StageContext} from "./zoom.js" */

const FEW_IMAGES = 8;
const SINGLE_IMAGE = 176;
const LARGE_MAP = 336;
const FIELD_PICTURE = 140;
const MANY_OPS = 3; // in a step, from which on its grids are lower, as on a slide
const LOW_GRID = 152;
const SIGN_BEFORE = 68; // CSS pixels for the sign before a picture
const SMALL_MAP = 120;
const KERNEL_PICTURE = 171;
const PICTURE_GAP = 18;
const GRADIENT_TAB = 26;
const SIGNS_BETWEEN = 130;
const FEW_CELLS_OF_MAP = 9;
/** The signs between what an operation reads; what it writes stands behind "=". */
export const SIGNS = new Map(Object.entries({
  multiply: "·", matmul: "×", add: "+", subtract: "−", divide: "/", convolution: "⋆", biased_convolution: "⋆", convolution_transpose: "⋆", convolution_kernel: "⋆",
}));

/** @param {Tensor} tensor */
const isKernel = ({ axes }) => axes[0] === "U";

// ---------------------------------------------------------------- all images of a tensor

/**
 * Whether a tensor is drawn as images side by side.
 * @param {Tensor} tensor
 */
export const holdsImages = (tensor) => tensor.data !== null && imagesOf(tensor) !== null;

/**
 * All images of a tensor; a single one with its cells.
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {{title?: string, width?: number, isTurned?: boolean}} [options] `width`: the most CSS pixels across;
 *   `isTurned`: a kernel as the error meets it
 * @returns {Part}
 */
export function imagesPart(context, tensor, { title = slopeName(context.trace, tensor) ?? tensorTitle(tensor), width = context.width - SIGN_BEFORE, isTurned = false } = {}) {
  const { trace, sample, point, pick } = context;
  const shown = chosenImage(context, tensor);
  const first = /** @type {Images} */ (imagesOf(tensor, shown?.part ?? sample));
  if (first.kind === "map" && first.count === 1) return onePicture(context, tensor, first, 0, { size: Math.min(SINGLE_IMAGE, width), title });
  const imagesIn = (/** @type {number} */ part) => {
    const images = /** @type {Images} */ (imagesOf(tensor, part));
    return isTurned ? turned(images) : images;
  };
  const bias = tensor.role === "param" && trace.ops.find((op) => op.phase === "forward" && op.reads[1] === tensor)?.reads[2];
  const view = unitgrid({
    array: arrayOf(tensor), title, images: imagesIn(first.part), limit: limitFor(tensor),
    ...(context.view.moment.ops.length > MANY_OPS || "slide" in document.documentElement.dataset ? { height: LOW_GRID } : {}), ...(bias && !isTurned ? { biases: arrayOf(bias) } : {}), ...(shown ? { selected: shown.image } : {}),
    onpoint: point,
    onpick: (image) => pick(imageRef(/** @type {Images} */ (imagesOf(tensor, Number(channels?.value ?? first.part))), image)),
  });
  const channels = first.kind === "filter" && tensor.shape[2] > 1 ? channelChoice(tensor, first.part, (part) => view.update({ images: imagesIn(part) })) : null;
  if (channels) view.node.children[0].after(element("label", { class: "channel-choice" }, text("maps.channel"), " ", channels));
  view.node.classList.add("is-images");
  view.node.style.width = `${Math.min(width, first.count > FEW_IMAGES ? width : Math.max(200, context.width / 2 - 90))}px`;
  view.node.dataset.testid = `images-${first.kind}`;
  return { node: view.node, mark: (linked) => view.update({ linked }) };
}

/**
 * @param {Tensor} tensor a kernel
 * @param {number} chosen
 * @param {(channel: number) => void} choose
 */
function channelChoice({ shape }, chosen, choose) {
  const options = Array.from({ length: shape[2] }, (_, channel) => element("option", { value: channel, selected: channel === chosen }, String(channel)));
  const list = element("select", {}, ...options);
  list.addEventListener("change", () => choose(Number(list.value)));
  return list;
}

/**
 * The image of a tensor that the reader chose, or through which the route leads.
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @returns {{part: number, image: number} | null}
 */
function chosenImage({ trace, selected, route }, tensor) {
  const names = kinOf(trace, tensor);
  const chosen = readImageRef(selected.pinned);
  if (chosen && trace.byRef.get(chosen.tensor) === tensor) return chosen;
  const cells = [selected.pinned, ...route].map((ref) => readRef(ref)).filter(({ cell }) => cell.length === 4);
  const found = cells.find(({ tensor: name }) => names.has(name));
  if (!found) return null;
  const { cell } = found;
  return { part: tensor.axes[0] === "N" ? cell[0] : cell[2], image: cell[3] };
}

/**
 * The names of a tensor, of what it is the gradient of, and of its versions.
 * @param {Trace} trace
 * @param {Tensor} tensor
 */
function kinOf(trace, tensor) {
  const forward = trace.sourceOf(tensor);
  return new Set([tensor.ref, forward.ref, trace.versionOf(forward, 0)?.ref ?? ""]);
}

/**
 * One image with its cells.
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {Images} images
 * @param {number} image
 * @param {{size: number, title?: string, numbers?: boolean, plain?: boolean}} options
 */
function onePicture(context, tensor, images, image, { size, title, numbers = false, plain = false }) {
  const data = imageNumbers(images, tensor.data ?? [], image);
  const name = tensor.shape[3] > 1 || images.kind === "filter" ? imageTitle(tensor, images, image) : tensorTitle(tensor);
  const gridName = (/** @type {number} */ cell) => text("maps.cell", { row: String(Math.floor(cell / images.columns)), column: String(cell % images.columns) });
  return slicePicture({
    title: title ?? name, data, role: tensor.role, ...scaleFor(tensor, data), image: [images.rows, images.columns], size, numbers, plain,
    refOf: (cell) => writeRef(tensor.ref, cellIn(images, image, cell)), nameOf: gridName,
  }, context);
}

/**
 * W2[:,:,12,5]; a map by its symbol and number.
 * @param {Tensor} tensor
 * @param {Images} images
 * @param {number} image
 */
function imageTitle(tensor, images, image) {
  const ref = imageRef(images, image);
  return `${tensorTitle(tensor)}${ref.slice(ref.lastIndexOf("["))}`;
}

/**
 * One unit of a dense layer that reads maps in one row: its weights as a picture for each map, and their products.
 * @param {StageContext} context
 * @param {Op} op a `linear` operation
 * @param {number} unit
 * @param {Tensor} maps
 * @returns {Part}
 */
export function unitOnMaps(context, op, unit, maps) {
  const weights = op.reads[1];
  const { rows, columns, count, start, part } = /** @type {Images} */ (imagesOf(maps, context.sample));
  const units = weights.shape[1];
  const products = Float32Array.from({ length: rows * columns * count }, (_, at) => Number(maps.data?.[start + at]) * Number(weights.data?.[at * units + unit]));
  const product = { ...maps, shape: [1, rows, columns, count], data: products, role: "act" };
  const width = context.width - SIGN_BEFORE;
  const seen = unitgrid({ array: arrayOf(weights), title: text("maps.column", { name: tensorTitle(weights), unit: String(unit) }), images: imagesOfColumn(weights, maps.shape, unit), limit: limitFor(weights), height: LOW_GRID });
  const made = unitgrid({ array: arrayOf(product), title: text("maps.product", { name: tensorTitle(maps), unit: String(unit) }), images: /** @type {Images} */ (imagesOf(product, part)), height: LOW_GRID });
  for (const { node } of [seen, made]) {
    node.classList.add("is-images");
    node.style.width = `${width}px`;
  }
  const flat = imagesPart(context, maps, { title: text("maps.flat", { name: tensorTitle(op.reads[0]) }) });
  return { node: equationNode([["", flat.node], ["⊙", seen.node], ["=", made.node]]), mark: (refs) => flat.mark?.(refs) };
}

// ---------------------------------------------------------------- what belongs together

/**
 * The images with the same number that one operation leads to: filter 5, the map that it makes, what relu and pooling
 * make of it.
 * @param {Trace} trace
 * @param {string} ref of a whole image
 * @returns {string[]}
 */
export function kindred(trace, ref) {
  const found = readImageRef(ref);
  const start = found && trace.byRef.get(found.tensor);
  if (!found || !start) return [];
  const { image, part } = found;
  const forward = trace.sourceOf(start);
  const known = new Set([trace.versionOf(forward, 0) ?? forward]);
  for (const op of [...forwardOps(trace), ...forwardOps(trace).reverse()]) {
    const [read, kernel] = op.reads;
    const result = op.writes[0];
    if (isConvolution(op) ? known.has(kernel) || known.has(result) : keepsChannels(op) && (known.has(read) || known.has(result))) {
      for (const tensor of isConvolution(op) ? [kernel, result] : [read, result]) known.add(tensor);
    }
  }
  const all = [...known].flatMap((tensor) => [tensor, trace.gradientOf(tensor), trace.versionOf(tensor, 1)]);
  return all.flatMap((tensor) => {
    const images = tensor && imagesOf(tensor, tensor === start ? part : 0);
    return images ? [imageRef(images, image)] : [];
  });
}

/**
 * Whether map c of the result is made of map c alone.
 * @param {Op} op
 */
function keepsChannels({ op, reads: [read], writes: [result] }) {
  return read?.shape.length === 4 && (op === "max_pooling" || String(read.shape) === String(result.shape)) && imagesOf(result) !== null && op !== "convolution";
}

// ---------------------------------------------------------------- pooling

/**
 * The cells that won their windows, as a tensor of 0 and 1 in the place of the image that was pooled.
 * @param {Op} op a max pooling
 * @returns {Tensor | null}
 */
export function maskOf(op) {
  const window = movingWindow(op);
  const [image, winner] = [op.reads[0], op.writes[1]];
  if (!window || !winner?.data) return null;
  const data = new Float32Array(image.shape.reduce((product, length) => product * length, 1));
  for (const position of winnersOf(op, window)) data[position] = 1;
  return { ...image, role: "act", data };
}

// ---------------------------------------------------------------- one map

/**
 * One map large, beside the image of which it is made; below it the working of one cell, which follows the pointer.
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @param {boolean} [isPinned] whether the cell itself was chosen
 * @returns {Part[]}
 */
export function mapLevel(context, tensor, cell, isPinned = false) {
  const { trace } = context;
  const reader = tensor.role === "param" ? forwardOps(trace).find((op) => op.reads[1] === tensor) : null;
  if (reader) { // a filter is seen by the map that it makes
    const made = trace.cellOfImage(`${reader.writes[0].ref}[${context.sample},:,:,${cell[3]}]`, context.route);
    if (made) return mapLevel(context, made.tensor, made.cell);
  }
  const op = trace.opWriting(tensor);
  if (!op) return [mapPicture(context, tensor, cell, LARGE_MAP)];
  const images = op.reads.filter(holdsImages);
  const filters = [...images, tensor].filter(isKernel).length;
  const free = context.width - SIGNS_BETWEEN - filters * (KERNEL_PICTURE + PICTURE_GAP) - [...images, tensor].filter(({ role }) => role === "grad").length * GRADIENT_TAB;
  const size = Math.floor(Math.max(SMALL_MAP, Math.min(LARGE_MAP, free / (images.length + 1 - filters) - PICTURE_GAP)));
  const map = mapPicture(context, tensor, cell, size);
  const sources = images.flatMap((read) => sourcePictures(context, op, { tensor, cell }, read, size));
  /** @type {[string, HTMLElement][]} */
  const terms = [...sources, map].map(({ node }, at) => [at === 0 ? "" : at < sources.length ? SIGNS.get(op.op) ?? "," : signBefore(op), node]);
  const parts = [...sources, map];
  const working = isPinned ? workingParts(context, op, tensor, cell, false) : [livePart(context, op, tensor, cell)];
  return [{ node: equationNode(terms), mark: (refs) => parts.forEach(({ mark }) => mark?.(refs)) }, ...working];
}

/**
 * @param {Op} op
 */
function signBefore({ op, reads }) {
  if (op === "biased_convolution") return reads[0].shape[3] > 1 ? "+ … + b =" : "+ b =";
  if (isConvolutionLike(op) && reads[0].shape[3] > 1 && op !== "convolution_kernel") return "+ … =";
  return SIGNS.has(op) ? "=" : `${op} →`;
}

/** @param {string} op */
const isConvolutionLike = (op) => op.includes("convolution");

/**
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @param {number} size
 * @param {boolean} [isTurned]
 */
function mapPicture(context, tensor, cell, size, isTurned = false) {
  const images = /** @type {Images} */ (imagesOf(tensor, tensor.axes[0] === "N" ? cell[0] : cell[2]));
  const shown = isTurned ? turned(images) : images;
  const title = isTurned ? { title: text("maps.turned", { name: imageTitle(tensor, images, cell[3]) }) } : {};
  return onePicture(context, tensor, shown, cell[3], { size: isKernel(tensor) ? KERNEL_PICTURE : size, numbers: images.cells <= FEW_CELLS_OF_MAP, ...title });
}

/**
 * The image of a tensor that matters most for a cell.
 * @param {StageContext} context
 * @param {Op} op
 * @param {{tensor: Tensor, cell: number[]}} place
 * @param {Tensor} read
 * @param {number} size
 * @returns {Required<Part>[]}
 */
function sourcePictures(context, op, { tensor, cell }, read, size) {
  const worked = context.trace.workCell(op, op.writes.indexOf(tensor), cell);
  /** @type {Map<string, {cell: number[], size: number}>} */
  const found = new Map();
  for (const { sources, value } of worked?.addends ?? []) {
    for (const source of sources) {
      if (context.trace.tensorNamed(op, source.array) !== read) continue;
      const key = `${source.cell[read.axes[0] === "N" ? 0 : 2]},${source.cell[3]}`;
      found.set(key, { cell: source.cell, size: (found.get(key)?.size ?? 0) + value });
    }
  }
  const best = [...found.values()].sort((a, b) => Math.abs(b.size) - Math.abs(a.size))[0];
  return best ? [mapPicture(context, read, best.cell, size, isKernel(read) && op.op === "convolution_transpose")] : [];
}

/**
 * The working of one cell of a map: that under the pointer, else the one that was given.
 * @param {StageContext} context
 * @param {Op} op
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @returns {Part}
 */
function livePart(context, op, tensor, cell) {
  const node = element("div", { class: "live", "data-testid": "live-cell" });
  /** @type {Part[]} */
  let parts = [];
  let shown = "";
  return {
    node,
    mark(refs) {
      const pointed = context.trace.cell(refs[0] ?? "");
      const at = pointed?.tensor === tensor && sameImage(pointed.cell, cell) ? pointed.cell : cell;
      if (shown !== String(at)) {
        shown = String(at);
        parts = workingParts(context, op, tensor, at, true);
        node.replaceChildren(...parts.map((part) => part.node));
      }
      parts.forEach(({ mark }) => mark?.(refs));
    },
  };
}

/**
 * @param {number[]} one
 * @param {number[]} other
 */
function sameImage(one, other) {
  return one.length === 4 && one[3] === other[3];
}

// ---------------------------------------------------------------- one cell

/**
 * How one number of a convolution came about, as pictures and as a sum, what becomes of it, and what of the input it sees.
 * @param {StageContext} context
 * @param {Op} op
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @param {boolean} isBrief on the way over a map
 * @returns {Part[]}
 */
function workingParts(context, op, tensor, cell, isBrief) {
  const patch = patchOf(context.trace, op, tensor, cell);
  const field = op.phase === "forward" ? fieldPart(context, tensor, cell) : [];
  if (!patch) return [...field, ...lineParts(context, op, tensor, cell)];
  const sums = isBrief && patch.layers.length === 1 ? lineParts(context, op, tensor, cell) : [patchSum(patch, isBrief)];
  return [...field, patchPart(context, patch), ...sums];
}

/**
 * a1[0,4,4,1] = max(1.284, 0) = 1.284
 * @param {StageContext} context
 * @param {Op} op
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @returns {Part[]}
 */
function lineParts({ trace }, op, tensor, cell) {
  const worked = trace.workCell(op, op.writes.indexOf(tensor), cell);
  if (!worked) return [];
  const refs = Object.fromEntries([...op.inputs.map((name, at) => [name, op.reads[at].ref]), ...op.outputs.map((name, at) => [name, op.writes[at].ref])]);
  return [{ node: element("p", { class: "stage-line" }, element("span", { class: "stage-line-name" }, `${tensorTitle(tensor)}[${cell.join(",")}]`), " = ", formulaWithNumbers(worked, { refs, terms: 4 })) }];
}

/**
 * What of the network's input a number sees, where that is more than its own patch.
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @returns {Part[]}
 */
function fieldPart(context, tensor, cell) {
  const { trace } = context;
  const field = receptiveField(trace, tensor, cell);
  const images = field && imagesOf(field.input, field.low[0]);
  if (!field || !images || trace.opWriting(tensor)?.reads[0] === field.input) return [];
  const { input, low, high } = field;
  const picture = onePicture(context, input, images, low[3], { size: FIELD_PICTURE, plain: true });
  const inside = Array.from({ length: images.cells }, (_, at) => cellIn(images, low[3], at)).filter((at) => [1, 2].every((axis) => at[axis] >= low[axis] && at[axis] <= high[axis]));
  const refs = inside.map((at) => writeRef(input.ref, at));
  picture.mark(refs);
  const words = text("maps.field", { rows: String(high[1] - low[1] + 1), columns: String(high[2] - low[2] + 1), name: `${tensorTitle(tensor)}[${cell.join(",")}]` });
  const told = element("div", {}, element("h2", { class: "stage-heading" }, text("maps.field_title")), element("p", { class: "stage-words" }, words));
  return [{ node: element("section", { class: "receptive", "data-testid": "receptive-field" }, picture.node, told), mark: () => picture.mark(refs) }];
}
