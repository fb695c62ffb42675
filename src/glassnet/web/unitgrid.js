/**
 * Small pictures of the same kind side by side, on one scale and one canvas: the weights of all units of a layer (what
 * does each unit look for?), the filters of a kernel, the maps that they make. Gradients are shown the same way.
 */

import { element, onWidth } from "./element.js";
import { shapeText, spokenNumber } from "./heat.js";
import { legend } from "./legend.js";
import { MOST_IMAGES, imageRef, imagesOfUnits, mosaic, positionIn } from "./maps.js";
import { text } from "./messages.js";
import { format } from "./numbers.js";
import { cssColor, hatch, imageSheet } from "./paint.js";
import { picture } from "./picture.js";
import { colorTable, countUncolored, limitOf, scaleKind } from "./scale.js";
import { readRef } from "./selection.js";

/**
 * @typedef {import("./arrays.js").ArrayView} ArrayView
 * @typedef {import("./maps.js").Images} Images
 * @typedef {object} UnitGridOptions
 * @property {ArrayView} array (inputs, units), or what `images` lie in
 * @property {Images} [images] the pictures; otherwise one per unit. At most 64 are shown, the first of the order
 * @property {number} [width] CSS pixels across, before it is laid out
 * @property {number} [height] the most CSS pixels down
 * @property {string} [title]
 * @property {number[] | null} [image] rows and columns of the model's images, when the inputs are an image
 * @property {ArrayView | null} [biases] (units)
 * @property {Record<string, ArrayLike<number>>} [orders] what the units can be sorted by, largest magnitude first: one
 *   number per unit under a name of the messages (`contribution`, `gradient`)
 * @property {string} [order] `index` or a name of `orders`
 * @property {number} [selected] the chosen unit
 * @property {number} [limit] a locked limit
 * @property {ArrayLike<number>} [trained] one number per input, 0 where no sample ever moved its weights
 * @property {string[]} [linked] refs whose units are outlined, or in images the cells
 * @property {(ref: string | null) => void} [onpoint] the unit under the pointer or the focus, as `dense/kernel@0[:,37]`
 * @property {(unit: number) => void} [onpick]
 * @property {(order: string) => void} [onorder]
 * @typedef {{across: number, down: number, side: number, tileWidth: number, tileHeight: number, pitchX: number,
 *   pitchY: number, width: number, height: number}} UnitLayout
 */

const USUAL_TILE = 44;
const LARGEST_TILE = 64;
const GAP = 6;
const BIAS = 5;
const WIDEST_GRID = 16;
const LARGEST_IN_GRID = 96;
const USUAL_WIDTH = 552;
const USUAL_HEIGHT = 232;
const FRAME = 40; // its padding and, for gradients, its tab

/**
 * @param {UnitGridOptions} options
 * @returns {{node: HTMLElement, update: (options: Partial<UnitGridOptions>) => void}}
 */
export function unitgrid(options) {
  const view = picture();
  const parts = unitParts(view.node);
  let width = (options.width ?? USUAL_WIDTH) - FRAME;
  let sorted = sortedUnits(options);

  const describe = (/** @type {number | undefined} */ unit) => {
    parts.status.textContent = unit === undefined ? hintText(options) : describeUnit(unit, options, format);
  };
  const mark = () => view.mark(linkedUnits(options).map((unit) => sorted.indexOf(unit)).filter((position) => position >= 0), linkedBoxes(options, sorted, width));
  const draw = () => {
    const { array, title = array.name ?? array.ref, selected } = options;
    const images = imagesFor(options);
    const scale = unitScale(options);
    sorted = sortedUnits(options);
    dressUnits(parts, options, scale, title, (order) => (options.onorder ? options.onorder(order) : update({ order })));
    view.show({
      ...unitSpec(options, sorted, scale, width),
      label: title,
      onpoint: (position) => {
        describe(position === null ? selected : sorted[position]);
        options.onpoint?.(position === null ? null : imageRef(images, sorted[position]));
      },
      onpick: (position) => options.onpick?.(sorted[position]),
    });
    describe(selected);
    mark();
  };
  /** @param {Partial<UnitGridOptions>} changes */
  const update = (changes) => {
    options = { ...options, ...changes };
    if (Object.keys(changes).some((key) => key !== "linked")) draw();
    else mark();
  };
  draw();
  onWidth(parts.node, (available) => {
    width = available - FRAME;
    draw();
  });
  return { node: parts.node, update };
}

/**
 * The nodes around the picture, still empty.
 *
 * @param {HTMLElement} shown
 */
function unitParts(shown) {
  const caption = element("figcaption", { class: "view-title" });
  const orders = element("div", { class: "view-buttons", role: "group", "aria-label": text("unitgrid.order") });
  const frame = element("div", {}, shown);
  const status = element("p", { class: "view-status" });
  const footer = element("div");
  return { caption, orders, frame, status, footer, node: element("figure", { class: "view unitgrid" }, caption, orders, frame, status, footer) };
}

/**
 * @param {ReturnType<typeof unitParts>} parts
 * @param {UnitGridOptions} options
 * @param {import("./scale.js").Scale} scale
 * @param {string} title
 * @param {(order: string) => void} choose
 */
function dressUnits({ node, frame, caption, orders, footer }, options, scale, title, choose) {
  const { array } = options;
  node.dataset.role = array.role;
  frame.className = `frame role-${array.role}`;
  caption.replaceChildren(title, element("span", { class: "view-shape" }, shapeText(array.shape)));
  fillOrders(orders, options, choose);
  footer.replaceChildren(legend(scale, { notFinite: countUncolored(array.data).notFinite, untrained: countUntrained(options) }));
}

/**
 * @param {UnitGridOptions} options
 * @returns {Images}
 */
function imagesFor({ images, array, image = null }) {
  return images ?? imagesOfUnits(array, image);
}

/**
 * The units in the order in which they are shown.
 *
 * @param {UnitGridOptions} options
 * @returns {number[]}
 */
function sortedUnits(options) {
  const { images, orders = {}, order = "index" } = options;
  const units = Array.from({ length: imagesFor(options).count }, (_, unit) => unit);
  const keys = orders[order];
  if (keys) units.sort((a, b) => Math.abs(keys[b]) - Math.abs(keys[a]) || a - b);
  return images ? units.slice(0, MOST_IMAGES) : units;
}

/**
 * The units that linked refs belong to: cells of the array, whole units, and biases. Of images single cells are outlined.
 *
 * @param {UnitGridOptions} options
 */
function linkedUnits(options) {
  const { array, images, biases, linked = [] } = options;
  const prefixes = [array.ref, biases?.ref].filter((ref) => ref !== undefined);
  const units = linked
    .filter((ref) => prefixes.some((prefix) => ref.startsWith(`${prefix}[`)) && !(images && readRef(ref).tensor === array.ref))
    .map((ref) => Number(ref.slice(ref.lastIndexOf("[") + 1, -1).split(",").at(-1)));
  return [...new Set(units)].filter((unit) => unit >= 0 && unit < imagesFor(options).count);
}

/**
 * Around the linked cells of every image one box.
 *
 * @param {UnitGridOptions} options
 * @param {number[]} sorted
 * @param {number} width
 * @returns {import("./picture.js").Box[]}
 */
function linkedBoxes({ images, array, linked = [], height }, sorted, width) {
  if (!images) return [];
  /** @type {Map<number, {top: number, left: number, bottom: number, right: number}>} */
  const found = new Map();
  for (const ref of linked) {
    const { tensor, cell } = readRef(ref);
    if (tensor !== array.ref || cell.length !== 4) continue;
    const isTurned = images.rowStep < 0;
    const [part, r, c] = images.kind === "map" ? cell : [cell[2], cell[0], cell[1]];
    if (part !== images.part) continue;
    const [row, column] = isTurned ? [images.rows - 1 - r, images.columns - 1 - c] : [r, c];
    const { top, left, bottom, right } = found.get(cell[3]) ?? { top: row, left: column, bottom: row, right: column };
    found.set(cell[3], { top: Math.min(top, row), left: Math.min(left, column), bottom: Math.max(bottom, row), right: Math.max(right, column) });
  }
  const { across, pitchX, pitchY, side } = imageLayout(images, sorted.length, width, height);
  return [...found].flatMap(([image, { top, left, bottom, right }]) => {
    const position = sorted.indexOf(image);
    if (position < 0) return [];
    return [{ x: (position % across) * pitchX + left * side, y: Math.floor(position / across) * pitchY + top * side, width: (right - left + 1) * side, height: (bottom - top + 1) * side }];
  });
}

/**
 * @param {Images} images
 * @param {number} count how many of them are shown
 * @param {number} width
 * @param {number} [height]
 * @returns {UnitLayout}
 */
function imageLayout({ rows, columns }, count, width, height = USUAL_HEIGHT) {
  const { across, down, side: fitting } = mosaic({ count, rows, columns, width, height, gap: GAP, below: BIAS });
  const largest = LARGEST_IN_GRID / Math.max(rows, columns);
  const side = Math.min(fitting, largest >= 2 ? Math.floor(largest) : largest);
  const [tileWidth, tileHeight] = [side * columns, side * rows];
  const [pitchX, pitchY] = [tileWidth + GAP, tileHeight + BIAS + GAP];
  return { across, down, side, tileWidth, tileHeight, pitchX, pitchY, width: across * pitchX - GAP, height: down * pitchY - GAP };
}

/**
 * As many tiles in a row as fit, at most 16, preferring rows of equal length; then the tiles grow to fill the width. A
 * tile shows every weight as at least one pixel and small images enlarged.
 *
 * @param {{units: number, rows: number, columns: number, width: number, height?: number | undefined}} wanted
 * @returns {UnitLayout}
 */
export function unitLayout({ units, rows, columns, width, height = Infinity }) {
  const longest = Math.max(rows, columns);
  const usual = Math.max(1, Math.floor(USUAL_TILE / longest));
  const fitting = Math.max(1, Math.min(WIDEST_GRID, units, Math.floor((width + GAP) / (usual * columns + GAP))));
  let across = fitting;
  while (across > fitting / 2 && units % across) across -= 1;
  if (across <= fitting / 2 || Math.ceil(units / across) * (usual * rows + GAP + BIAS) > height + GAP) across = fitting;
  const down = Math.ceil(units / across);
  const room = Math.min(LARGEST_TILE / longest, ((width + GAP) / across - GAP) / columns, ((height + GAP) / down - GAP - BIAS) / rows);
  const side = Math.max(usual, room < 2 ? Math.floor(room * columns) / columns : Math.floor(room)); // large cells stay sharp
  const [tileWidth, tileHeight] = [side * columns, Math.round(side * rows)];
  const [pitchX, pitchY] = [tileWidth + GAP, tileHeight + BIAS + GAP];
  return { across, down, side, tileWidth, tileHeight, pitchX, pitchY, width: across * pitchX - GAP, height: down * pitchY - GAP };
}

/**
 * @param {UnitGridOptions} options
 * @returns {import("./scale.js").Scale}
 */
function unitScale({ array, limit }) {
  const kind = scaleKind(array, null);
  return { kind, limit: limit ?? limitOf(array.data, kind) };
}

/** @param {UnitGridOptions} options */
function countUntrained(options) {
  const { trained } = options;
  return trained ? Array.from(trained).filter((value) => value === 0).length * imagesFor(options).count : 0;
}

/**
 * @param {UnitGridOptions} options
 * @param {number[]} sorted
 * @param {import("./scale.js").Scale} scale
 * @param {number} width
 */
function unitSpec(options, sorted, scale, width) {
  const images = imagesFor(options);
  const { rows, columns } = images;
  const layout = options.images ? imageLayout(images, sorted.length, width, options.height) : unitLayout({ units: sorted.length, rows, columns, width, height: options.height });
  const box = (/** @type {number} */ position) => ({
    x: (position % layout.across) * layout.pitchX,
    y: Math.floor(position / layout.across) * layout.pitchY,
    width: layout.tileWidth,
    height: layout.tileHeight + BIAS,
  });
  return {
    columns: layout.across,
    count: sorted.length,
    width: layout.width,
    height: layout.height,
    box,
    paint: (/** @type {CanvasRenderingContext2D} */ context) => paintUnits(context, { options, images, sorted, scale, layout, box }),
    speak: (/** @type {number} */ position) => describeUnit(sorted[position], options, spokenNumber),
    ref: (/** @type {number} */ position) => imageRef(images, sorted[position]),
  };
}

/** @param {UnitGridOptions} options */
function hintText(options) {
  const { kind, count } = imagesFor(options);
  const parts = [text(`unitgrid.hint.${kind}`)];
  if (options.biases) parts.push(text("unitgrid.hint.biases"));
  if (options.images && count > MOST_IMAGES) parts.push(text("unitgrid.more", { count: count - MOST_IMAGES }));
  return parts.join(" ");
}

/**
 * "Unit 37, bias 0.0123, contribution 1.284".
 *
 * @param {number} unit
 * @param {UnitGridOptions} options
 * @param {(value: number) => string} number
 */
function describeUnit(unit, options, number) {
  const { biases, orders = {} } = options;
  const parts = [text(`unitgrid.${imagesFor(options).kind}`, { unit: String(unit) })];
  if (biases) parts.push(text("unitgrid.bias", { value: number(biases.data[unit]) }));
  for (const [name, keys] of Object.entries(orders)) parts.push(text(`unitgrid.${name}`, { value: number(keys[unit]) }));
  return parts.join(", ");
}

/**
 * @param {HTMLElement} group
 * @param {UnitGridOptions} options
 * @param {(order: string) => void} choose
 */
function fillOrders(group, { orders = {}, order = "index" }, choose) {
  const names = ["index", ...Object.keys(orders)];
  group.hidden = names.length === 1;
  const buttons = names.map((name) => {
    const button = element("button", { type: "button", "aria-pressed": String(name === order), "data-order": name }, text(`unitgrid.by_${name}`));
    button.addEventListener("click", () => choose(name));
    return button;
  });
  const focused = group.querySelector(":focus")?.getAttribute("data-order");
  group.replaceChildren(...buttons);
  buttons.find((button) => button.dataset.order === focused)?.focus();
}

/**
 * @typedef {{options: UnitGridOptions, images: Images, sorted: number[], scale: import("./scale.js").Scale, layout: UnitLayout,
 *   box: (position: number) => import("./picture.js").Box}} UnitPainting
 */

/**
 * @param {CanvasRenderingContext2D} context
 * @param {UnitPainting} painting
 */
function paintUnits(context, painting) {
  const { options, sorted, scale, layout, box } = painting;
  const table = colorTable(scale.kind);
  const largestBias = limitOf(options.biases?.data ?? [], "value");
  const chosen = sorted.indexOf(options.selected ?? -1);
  const tiles = imageSheet(painting.images, options.array.data, sorted, scale, table);
  context.imageSmoothingEnabled = !Number.isInteger(layout.side);
  context.imageSmoothingQuality = "high";
  sorted.forEach((unit, position) => {
    const { x, y } = box(position);
    const { columns, rows } = painting.images;
    context.drawImage(tiles, 0, position * rows, columns, rows, x, y, layout.tileWidth, layout.tileHeight);
    if (options.biases) paintBias(context, options.biases.data[unit], largestBias, x, y + layout.tileHeight + 1, layout.tileWidth);
  });
  paintUnitHatches(context, painting);
  context.strokeStyle = cssColor("line");
  context.lineWidth = 1;
  sorted.forEach((_, position) => context.strokeRect(box(position).x + 0.5, box(position).y + 0.5, layout.tileWidth - 1, layout.tileHeight - 1));
  if (chosen < 0) return;
  context.strokeStyle = cssColor("ink");
  context.lineWidth = 2;
  context.strokeRect(box(chosen).x + 1, box(chosen).y + 1, layout.tileWidth - 2, layout.tileHeight - 2);
}

/**
 * A thin bar from the tile's middle: right for a positive bias, left for a negative one.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {number} bias
 * @param {number} limit
 * @param {number} left
 * @param {number} top
 * @param {number} width
 */
function paintBias(context, bias, limit, left, top, width) {
  const length = (Math.max(-1, Math.min(1, bias / limit)) * width) / 2;
  context.fillStyle = cssColor("line");
  context.fillRect(left, top + 1, width, 2);
  context.fillStyle = cssColor(bias < 0 ? "value-minus" : "value-plus");
  context.fillRect(left + width / 2 + Math.min(length, 0), top, Math.abs(length), 4);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {UnitPainting} painting
 */
function paintUnitHatches(context, { options, images, sorted, layout, box }) {
  const { array, trained } = options;
  const grey = hatch(context, "dim");
  sorted.forEach((unit, position) => {
    const { x, y } = box(position);
    for (let cell = 0; cell < images.cells; cell += 1) {
      const broken = !Number.isFinite(array.data[positionIn(images, unit, cell)]);
      if (!broken && (!trained || trained[cell] !== 0)) continue;
      const at = [x + (cell % images.columns) * layout.side, y + Math.floor(cell / images.columns) * layout.side];
      for (const style of broken ? [cssColor("ink")] : [cssColor("surface"), grey]) {
        context.fillStyle = style;
        context.fillRect(at[0], at[1], layout.side, layout.side);
      }
    }
  });
}
