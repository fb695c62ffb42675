/**
 * The weights of all units of a layer as small pictures side by side, on one scale and one canvas: what does each unit
 * look for? Gradients and contributions (input times weight) are shown the same way.
 */

import { pictureShape } from "./arrays.js";
import { element, onWidth } from "./element.js";
import { shapeText, spokenNumber } from "./heat.js";
import { legend } from "./legend.js";
import { text } from "./messages.js";
import { format } from "./numbers.js";
import { canvasOf, cssColor, hatch, setPixel } from "./paint.js";
import { picture } from "./picture.js";
import { colorIndex, colorTable, countUncolored, limitOf, scaleKind } from "./scale.js";

/**
 * @typedef {import("./arrays.js").ArrayView} ArrayView
 * @typedef {object} UnitGridOptions
 * @property {ArrayView} array (inputs, units): a kernel, its gradient or the contributions
 * @property {string} [title]
 * @property {number[] | null} [image] rows and columns of the model's images, when the inputs are an image
 * @property {ArrayView | null} [biases] (units)
 * @property {Record<string, ArrayLike<number>>} [orders] what the units can be sorted by, largest magnitude first: one
 *   number per unit under a name of the messages (`contribution`, `gradient`)
 * @property {string} [order] `index` or a name of `orders`
 * @property {number} [selected] the chosen unit
 * @property {number} [limit] a locked limit
 * @property {ArrayLike<number>} [trained] one number per input, 0 where no sample ever moved its weights
 * @property {string[]} [linked] refs whose units are outlined
 * @property {(ref: string | null) => void} [onpoint] the unit under the pointer or the focus, as `dense/kernel@0[:,37]`
 * @property {(unit: number) => void} [onpick]
 * @property {(order: string) => void} [onorder]
 * @typedef {{across: number, down: number, side: number, tileWidth: number, tileHeight: number, pitchX: number,
 *   pitchY: number, width: number, height: number}} UnitLayout
 */

const LARGEST_TILE = 44;
const GAP = 6;
const BIAS = 5;
const WIDEST_GRID = 16;
const FRAME = 40; // its padding and, for gradients, its tab

/**
 * @param {UnitGridOptions} options
 * @returns {{node: HTMLElement, update: (options: Partial<UnitGridOptions>) => void}}
 */
export function unitgrid(options) {
  const view = picture();
  const parts = unitParts(view.node);
  let width = 512;
  let sorted = sortedUnits(options);

  const describe = (/** @type {number | undefined} */ unit) => {
    const hint = options.biases ? "unitgrid.hint_biases" : "unitgrid.hint";
    parts.status.textContent = unit === undefined ? text(hint) : describeUnit(unit, options, format);
  };
  const mark = () => view.mark(linkedUnits(options).map((unit) => sorted.indexOf(unit)));
  const draw = () => {
    const { array, title = array.name ?? array.ref, selected } = options;
    const scale = unitScale(options);
    sorted = sortedUnits(options);
    dressUnits(parts, options, scale, title, (order) => (options.onorder ? options.onorder(order) : update({ order })));
    view.show({
      ...unitSpec(options, sorted, scale, width),
      label: title,
      onpoint: (position) => {
        describe(position === null ? selected : sorted[position]);
        options.onpoint?.(position === null ? null : unitRef(array, sorted[position]));
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
 * The name of all weights of one unit.
 *
 * @param {ArrayView} array
 * @param {number} unit
 */
function unitRef(array, unit) {
  return `${array.ref}[:,${unit}]`;
}

/**
 * The units in the order in which they are shown.
 *
 * @param {Pick<UnitGridOptions, "array" | "orders" | "order">} options
 * @returns {number[]}
 */
function sortedUnits({ array, orders = {}, order = "index" }) {
  const units = Array.from({ length: array.shape[1] }, (_, unit) => unit);
  const keys = orders[order];
  if (!keys) return units;
  return units.sort((a, b) => Math.abs(keys[b]) - Math.abs(keys[a]) || a - b);
}

/**
 * The units that linked refs belong to: cells of the array, whole units, and biases.
 *
 * @param {UnitGridOptions} options
 */
function linkedUnits({ array, biases, linked = [] }) {
  const prefixes = [array.ref, biases?.ref].filter((ref) => ref !== undefined);
  const units = linked
    .filter((ref) => prefixes.some((prefix) => ref.startsWith(`${prefix}[`)))
    .map((ref) => Number(ref.slice(ref.lastIndexOf("[") + 1, -1).split(",").at(-1)));
  return [...new Set(units)].filter((unit) => unit >= 0 && unit < (array.shape[1]));
}

/**
 * As many tiles in a row as fit, at most 16, preferring rows of equal length. A tile shows every weight as at least one
 * pixel and small images enlarged.
 *
 * @param {{units: number, rows: number, columns: number, width: number}} wanted
 * @returns {UnitLayout}
 */
export function unitLayout({ units, rows, columns, width }) {
  const side = Math.max(1, Math.floor(LARGEST_TILE / Math.max(rows, columns)));
  const [tileWidth, tileHeight] = [side * columns, side * rows];
  const [pitchX, pitchY] = [tileWidth + GAP, tileHeight + BIAS + GAP];
  const fitting = Math.max(1, Math.min(WIDEST_GRID, units, Math.floor((width + GAP) / pitchX)));
  let across = fitting;
  while (across > fitting / 2 && units % across) across -= 1;
  if (across <= fitting / 2) across = fitting;
  const down = Math.ceil(units / across);
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
function countUntrained({ array, trained }) {
  return trained ? Array.from(trained).filter((value) => value === 0).length * (array.shape[1]) : 0;
}

/**
 * @param {UnitGridOptions} options
 * @param {number[]} sorted
 * @param {import("./scale.js").Scale} scale
 * @param {number} width
 */
function unitSpec(options, sorted, scale, width) {
  const { array, image = null } = options;
  const shape = pictureShape([array.shape[0]], image);
  const layout = unitLayout({ units: sorted.length, ...shape, width });
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
    paint: (/** @type {CanvasRenderingContext2D} */ context) => paintUnits(context, { options, sorted, scale, shape, layout, box }),
    speak: (/** @type {number} */ position) => describeUnit(sorted[position], options, spokenNumber),
    ref: (/** @type {number} */ position) => unitRef(array, sorted[position]),
  };
}

/**
 * "Unit 37, bias 0.0123, contribution 1.284".
 *
 * @param {number} unit
 * @param {UnitGridOptions} options
 * @param {(value: number) => string} number
 */
function describeUnit(unit, { biases, orders = {} }, number) {
  const parts = [text("unitgrid.unit", { unit: String(unit) })];
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
 * @typedef {{options: UnitGridOptions, sorted: number[], scale: import("./scale.js").Scale,
 *   shape: import("./arrays.js").PictureShape, layout: UnitLayout,
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
  const tiles = unitTiles(painting, table);
  context.imageSmoothingEnabled = false;
  sorted.forEach((unit, position) => {
    const { x, y } = box(position);
    const { columns, rows } = painting.shape;
    context.drawImage(tiles, 0, unit * rows, columns, rows, x, y, layout.tileWidth, layout.tileHeight);
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
 * All units under one another, one pixel per weight.
 *
 * @param {UnitPainting} painting
 * @param {Uint8ClampedArray} table
 */
function unitTiles({ options, scale, shape }, table) {
  const [inputs, units] = [options.array.shape[0], options.array.shape[1]];
  const cells = shape.rows * shape.columns;
  const image = new ImageData(shape.columns, shape.rows * Math.max(units, 1));
  for (let input = 0; input < inputs; input += 1) {
    for (let unit = 0; unit < units; unit += 1) {
      const value = options.array.data[input * units + unit];
      if (Number.isFinite(value)) setPixel(image, unit * cells + input, table, colorIndex(value, scale.limit));
    }
  }
  return canvasOf(image);
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
function paintUnitHatches(context, { options, sorted, shape, layout, box }) {
  const { array, trained } = options;
  const units = array.shape[1];
  const grey = hatch(context, "dim");
  sorted.forEach((unit, position) => {
    const { x, y } = box(position);
    for (let input = 0; input < (array.shape[0]); input += 1) {
      const broken = !Number.isFinite(array.data[input * units + unit]);
      if (!broken && (!trained || trained[input] !== 0)) continue;
      const at = [x + (input % shape.columns) * layout.side, y + Math.floor(input / shape.columns) * layout.side];
      for (const style of broken ? [cssColor("ink")] : [cssColor("surface"), grey]) {
        context.fillStyle = style;
        context.fillRect(at[0], at[1], layout.side, layout.side);
      }
    }
  });
}
