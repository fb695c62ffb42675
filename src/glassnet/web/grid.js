/**
 * Cells under named columns and beside named rows: states over time, weights of queries on keys. What a mask forbids is
 * hatched in grey; a chosen row and a chosen column are framed.
 */

import { element } from "./element.js";
import { paintMarks, spokenNumber } from "./heat.js";
import { legend } from "./legend.js";
import { text } from "./messages.js";
import { format, formatSigned } from "./numbers.js";
import { cssColor, hatch, numberFont, paintCells } from "./paint.js";
import { picture } from "./picture.js";
import { fixed } from "./rounding.js";
import { colorTable, countUncolored, limitOf } from "./scale.js";

/** @import {ScaleKind} from "./scale.js" */
/** @import {Part, StageContext} from "./zoom.js" */
/**
 * @typedef {{row?: number, column?: number}} Chosen
 * @typedef {object} GridOptions
 * @property {string} title
 * @property {string} role
 * @property {ScaleKind} kind
 * @property {ArrayLike<number>} data row by row
 * @property {string[]} rows names
 * @property {string[]} columns
 * @property {[number, number]} size the most CSS pixels across and down
 * @property {number} [limit]
 * @property {number} [widest] CSS pixels of a cell
 * @property {boolean} [plain] without a legend
 * @property {(position: number) => boolean} [masked]
 * @property {Chosen} [chosen]
 * @property {(position: number) => string} refOf
 */

const LETTER_WIDTH = 7.4;
const NAME_MARGIN = 8;
const COLUMN_NAMES = 18;
const LEAST_ROW_FOR_NAME = 13;
const WIDEST_CELL = 40;
const HIGHEST_CELL = 30;
const NUMBERED_CELL = 44;
const MARKED_WIDTH = 10;
const NAME_LETTERS = 12;

/**
 * @param {GridOptions} options
 * @param {Pick<StageContext, "point" | "pick">} context
 * @returns {Required<Part> & {choose: (chosen: Chosen) => void}}
 */
export function namedGrid(options, { point, pick }) {
  const { title, role, kind, data, refOf, masked = () => false, plain = false } = options;
  const scale = { kind, limit: options.limit ?? limitOf(Array.from(data).filter((_, at) => !masked(at)), kind) };
  const plan = planGrid(options);
  const across = options.columns.length;
  const view = picture();
  const box = (/** @type {number} */ at) => ({ x: plan.left + (at % across) * plan.width, y: plan.top + Math.floor(at / across) * plan.height, width: plan.width, height: plan.height });
  const draw = (/** @type {Chosen} */ chosen) => view.show({
    label: title, columns: across, count: data.length, width: plan.left + across * plan.width, height: plan.top + options.rows.length * plan.height, box,
    paint: (context) => paintGrid(context, { ...options, chosen }, scale, plan),
    speak: (at) => `${options.rows[Math.floor(at / across)]}, ${options.columns[at % across]}: ${masked(at) ? text("grid.masked") : spokenNumber(data[at], role)}`,
    ref: refOf,
    onpoint: (at) => point(at === null ? null : refOf(at)),
    onpick: (at) => pick(refOf(at)),
  });
  let drawn = options.chosen ?? {};
  const choose = (/** @type {Chosen} */ chosen) => {
    if (chosen.row !== drawn.row || chosen.column !== drawn.column) draw((drawn = chosen));
  };
  draw(drawn);
  const positions = new Map(Array.from(data, (_, at) => [refOf(at), at]));
  const node = element(
    "figure", { class: "view named-grid", "data-role": role }, element("figcaption", { class: "view-title" }, title),
    element("div", { class: "view-scroll" }, element("div", { class: `frame role-${role}` }, view.node)), ...(plain ? [] : [legend(scale, countUncolored(data, scale.limit))]),
  );
  return { node, choose, mark: (refs) => view.mark(refs.flatMap((ref) => positions.get(ref) ?? [])) };
}

/**
 * The size of a cell and of the margins for names; cells may be wider than high.
 * @param {GridOptions} options
 */
function planGrid({ rows, columns, size: [width, height], widest = WIDEST_CELL }) {
  const fitting = height / rows.length;
  const high = fitting >= 1 ? Math.floor(Math.min(HIGHEST_CELL, fitting)) : fitting;
  const left = high >= LEAST_ROW_FOR_NAME ? Math.ceil(Math.max(...rows.map((name) => Math.min(name.length, NAME_LETTERS))) * LETTER_WIDTH) + NAME_MARGIN : NAME_MARGIN;
  const room = (width - left) / columns.length;
  return { left, top: COLUMN_NAMES, width: room >= 1 ? Math.floor(Math.min(widest, room)) : room, height: high };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {GridOptions} options
 * @param {import("./scale.js").Scale} scale
 * @param {ReturnType<typeof planGrid>} plan
 */
function paintGrid(context, { data, rows, columns, role, kind, masked = () => false, chosen = {} }, scale, { left, top, width, height }) {
  const cells = { data, rows: rows.length, columns: columns.length, scale, left, top, cellWidth: width, cellHeight: height };
  paintCells(context, cells, colorTable(kind));
  const texts = width >= NUMBERED_CELL ? Array.from(data, (value, at) => (masked(at) ? "" : fittingNumber(value, role, width))) : null;
  if (width >= MARKED_WIDTH && height >= MARKED_WIDTH) paintMarks(context, { ...cells, texts }, colorTable(kind));
  const [grey, black] = [hatch(context, "dim"), hatch(context, "ink")];
  Array.from(data).forEach((value, at) => {
    if (Number.isFinite(value) && !masked(at)) return;
    const [x, y] = [left + (at % columns.length) * width, top + Math.floor(at / columns.length) * height];
    context.fillStyle = cssColor("surface");
    context.fillRect(x, y, width, height);
    context.fillStyle = masked(at) ? grey : black;
    context.fillRect(x, y, width, height);
  });
  paintNames(context, { rows, columns, chosen }, { left, top, width, height });
  context.strokeStyle = cssColor("ink");
  context.lineWidth = 2;
  if (chosen.column !== undefined) context.strokeRect(left + chosen.column * width, top, width, rows.length * height);
  if (chosen.row !== undefined) context.strokeRect(left, top + chosen.row * height, columns.length * width, height);
}

/**
 * A number with as many digits as fit into a cell.
 * @param {number} value
 * @param {string} role
 * @param {number} width
 */
function fittingNumber(value, role, width) {
  const written = [2, 1].map((digits) => (role === "grad" ? formatSigned : format)(value, digits));
  return [...written, fixed(value, 2)].find(({ length }) => length * LETTER_WIDTH <= width - 4) ?? "";
}

/**
 * Names as far as they fit; of narrow columns every second, third, ... and always the chosen one.
 * @param {CanvasRenderingContext2D} context
 * @param {Pick<GridOptions, "rows" | "columns"> & {chosen: {row?: number, column?: number}}} named
 * @param {ReturnType<typeof planGrid>} plan
 */
function paintNames(context, { rows, columns, chosen }, { left, top, width, height }) {
  context.font = numberFont().replace("13px", "12px");
  context.textBaseline = "middle";
  context.textAlign = "center";
  const widest = Math.max(...columns.map((name) => context.measureText(name).width)) + 4;
  const every = Math.max(1, Math.ceil(widest / width));
  columns.forEach((name, column) => {
    const near = chosen.column !== undefined && column !== chosen.column && Math.abs(column - chosen.column) < every;
    if (near || (column % every && column !== chosen.column)) return;
    context.fillStyle = cssColor(column === chosen.column ? "ink" : "dim");
    context.fillText(name, left + (column + 0.5) * width, top / 2);
  });
  context.textAlign = "right";
  if (height >= LEAST_ROW_FOR_NAME) rows.forEach((name, row) => {
    context.fillStyle = cssColor(row === chosen.row ? "ink" : "dim");
    context.fillText(name.length > NAME_LETTERS ? `${name.slice(0, NAME_LETTERS - 1)}…` : name, left - NAME_MARGIN, top + (row + 0.5) * height);
  });
}
