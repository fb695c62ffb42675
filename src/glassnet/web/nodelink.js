/**
 * A small network as nodes and links, with every number printed: values on the way forward, gradients on the way back,
 * the changes of the weights in the update. Numbers that the tour has not reached yet are left blank.
 */

import { cellRef } from "./arrays.js";
import { element, onWidth, redrawn, vector } from "./element.js";
import { text } from "./messages.js";
import { forwardOps, positionAt, sizeOfTensor } from "./network.js";
import { format, formatSigned } from "./numbers.js";
import { link, writeRef } from "./selection.js";

/** @import {Phase, Tensor, Trace} from "./trace.js" */
/**
 * A column of units: what they hold, and where the numbers come from.
 * @typedef {{units: number, sum: Tensor | null, value: Tensor, weights: Tensor | null, bias: Tensor | null}} Column
 */
/** @typedef {{x: number, y: number, column: number, unit: number}} NodePlace */
/**
 * @typedef {object} NodelinkOptions
 * @property {Trace} trace
 * @property {number} sample
 * @property {Phase} phase
 * @property {(tensor: Tensor) => boolean} known whether the tour has computed a tensor by now
 * @property {number} width CSS pixels, until it is laid out
 * @property {string[]} route
 * @property {string[]} [names] of the inputs
 * @property {string[]} [classes]
 */

const MOST_UNITS = 16;
const MOST_LABELS = 24;
const RADIUS = 29;
const SIDE = 62;
const LABEL_HEIGHT = 22;
const LANE = 42;
const DIGIT = 7.4;
const THICKEST = 9;
const THICKEST_OF_MANY = 3;
const LONGEST = 7;
const NARROWEST = 208;

/**
 * The columns of a network that is a plain chain of small dense layers; null for any other.
 * @param {Trace} trace
 * @returns {Column[] | null}
 */
export function columnsOf(trace) {
  const input = trace.tensors.find(({ role }) => role === "input");
  if (!input || input.shape.length !== 2) return null;
  /** @type {Column[]} */
  const columns = [{ units: input.shape[1], sum: null, value: input, weights: null, bias: null }];
  for (const { op, reads, writes } of forwardOps(trace)) {
    const last = columns[columns.length - 1];
    if (reads[0] !== last.value) return null;
    const isLinear = op === "linear" && reads[1].role === "param" && writes[0].shape.length === 2;
    if (isLinear) columns.push({ units: writes[0].shape[1], sum: writes[0], value: writes[0], weights: reads[1], bias: reads[2] ?? null });
    else if (String(writes[0].shape) === String(last.value.shape) && last.sum) last.value = writes[0];
    else return null;
  }
  const drawable = columns.every(({ units, value }) => units <= MOST_UNITS && value.data);
  return columns.length > 1 && drawable ? columns : null;
}

/**
 * @param {NodelinkOptions} options
 * @returns {{node: HTMLElement, update: (changes: Partial<NodelinkOptions>) => void}}
 */
export function nodelink(options) {
  const columns = /** @type {Column[]} */ (columnsOf(options.trace));
  const node = element("figure", { class: "view nodelink view-fading", "data-testid": "nodelink" });
  let width = Math.max(options.width, NARROWEST * columns.length);
  const view = redrawn(node, options, (options) => {
    const height = heightOf(columns);
    const drawing = vector("svg", { class: "nodelink-drawing", width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": text("nodelink.label") });
    drawing.append(...linksOf(columns, options, width, height), ...nodesOf(columns, options, width, height));
    node.replaceChildren(drawing);
    node.scrollLeft = acrossOf(columns, columnAtWork(columns, options) - 0.5, width) - node.clientWidth / 2; // if wider than its frame
  });
  onWidth(node, (available) => {
    width = Math.max(available, NARROWEST * columns.length);
    view.update({});
  });
  return view;
}

/**
 * The column whose incoming links the tour has reached last.
 * @param {Column[]} columns
 * @param {NodelinkOptions} options
 */
function columnAtWork(columns, { trace, phase, known }) {
  const isReached = (/** @type {Column} */ { value, weights }) => {
    const gradient = weights && trace.gradientOf(weights);
    const after = weights && trace.versionOf(weights, 1);
    if (phase === "backward") return gradient !== null && known(gradient);
    return phase === "update" ? after !== null && known(after) : known(value);
  };
  const reached = columns.flatMap((column, at) => (at && isReached(column) ? [at] : []));
  return phase === "backward" ? reached[0] ?? columns.length - 1 : reached.at(-1) ?? 1;
}

/** @param {Column[]} columns */
function heightOf(columns) {
  const most = Math.max(...columns.map(({ units }) => units));
  const labelled = columns.slice(1).map(({ units }, at) => ({ count: units * columns[at].units, lanes: Math.max(units, columns[at].units) * (Math.min(units, columns[at].units) + 1) }));
  const lanes = Math.max(...labelled.filter(({ count }) => count <= MOST_LABELS).map((one) => one.lanes), 0);
  return Math.max(260, most * (most > 6 ? 68 : 128), lanes * LANE);
}

/**
 * @param {Column[]} columns
 * @param {number} column
 * @param {number} width
 */
function acrossOf(columns, column, width) {
  return SIDE + (column * (width - 2 * SIDE)) / (columns.length - 1);
}

/**
 * @param {Column[]} columns
 * @param {number} column
 * @param {number} unit
 * @param {number} width
 * @param {number} height
 * @returns {NodePlace}
 */
function placeOf(columns, column, unit, width, height) {
  return { x: acrossOf(columns, column, width), y: ((unit + 0.5) * height) / columns[column].units, column, unit };
}

// ---------------------------------------------------------------- links: the weights

/**
 * @param {Column[]} columns
 * @param {NodelinkOptions} options
 * @param {number} width
 * @param {number} height
 */
function linksOf(columns, options, width, height) {
  return columns.slice(1).flatMap(({ units, weights }, at) => {
    if (!weights?.data) return [];
    const inputs = columns[at].units;
    const largest = Math.max(...Array.from(weights.data, Math.abs), 1e-12);
    const share = labelShare(inputs, units);
    const labelled = inputs * units <= MOST_LABELS;
    const lines = [];
    const labels = [];
    for (let input = 0; input < inputs; input += 1) {
      for (let unit = 0; unit < units; unit += 1) {
        const [from, to] = [placeOf(columns, at, input, width, height), placeOf(columns, at + 1, unit, width, height)];
        const numbers = weightNumbers(options, weights, [input, unit]);
        lines.push(lineNode(from, to, numbers, { largest, thickest: labelled ? THICKEST : THICKEST_OF_MANY }, options.route));
        if (labelled) labels.push(labelNode({ x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) }, numbers));
      }
    }
    return [...lines, ...labels];
  });
}

/**
 * How far along its line a label stands. Lines from S nodes to T nodes lie evenly spaced at two places, 1/(S+1) and
 * T/(T+1) of the way, so that no label there covers another; the one nearer to the middle has more room.
 * @param {number} sources
 * @param {number} targets
 */
function labelShare(sources, targets) {
  const [near, far] = [1 / (sources + 1), targets / (targets + 1)];
  return Math.abs(near - 0.5) <= Math.abs(far - 0.5) ? near : far;
}

/**
 * `shown` is what the label has room for, `words` is all of it.
 * @typedef {{value: number, kind: "value" | "gradient" | "change", ref: string, shown: string, words: string, isKnown: boolean}} Printed
 */

/**
 * What a link shows of its weight: its number, in the backward phase its gradient, in the update the change.
 * @param {NodelinkOptions} options
 * @param {Tensor} weights
 * @param {number[]} cell
 * @returns {Printed}
 */
function weightNumbers({ trace, phase, known }, weights, cell) {
  const at = positionAt(weights, cell);
  const value = Number(weights.data?.[at]);
  const gradient = phase === "backward" ? trace.gradientOf(weights) : null;
  if (gradient?.data && known(gradient)) {
    const found = gradient.data[at];
    return { value: found, kind: "gradient", ref: cellRef(gradient, at), shown: `∂ ${formatSigned(found)}`, words: formatSigned(found), isKnown: true };
  }
  const after = phase === "update" ? trace.versionOf(weights, 1) : null;
  if (after?.data && known(after)) {
    const changed = after.data[at];
    const shown = `Δ ${formatSigned(changed - value)}`;
    return { value: changed, kind: "change", ref: cellRef(after, at), shown, words: `${format(value)} → ${format(changed)}, ${shown}`, isKnown: true };
  }
  return { value, kind: "value", ref: cellRef(weights, at), shown: format(value), words: format(value), isKnown: phase === "forward" || phase === "loss" };
}

/**
 * @param {NodePlace} from
 * @param {NodePlace} to
 * @param {Printed} numbers
 * @param {{largest: number, thickest: number}} scale
 * @param {string[]} route
 */
function lineNode(from, to, { value, kind, ref, isKnown }, { largest, thickest }, route) {
  const shown = kind === "gradient" ? Math.abs(value) / (Math.abs(value) + 0.02) : Math.abs(value) / largest;
  const onRoute = route.some((one) => one.split("@")[0] === ref.split("@")[0] && one.slice(one.indexOf("[")) === ref.slice(ref.indexOf("[")));
  const ends = { x1: from.x + RADIUS, y1: from.y, x2: to.x - RADIUS, y2: to.y };
  const sign = value < 0 ? "is-minus" : "is-plus";
  const line = vector("line", { ...ends, class: `link-line link-${kind} ${sign} ${isKnown ? "" : "is-waiting"}`, "stroke-width": Math.max(0.75, thickest * Math.sqrt(Math.min(shown, 1))) });
  return vector("g", {}, ...(onRoute ? [vector("line", { ...ends, class: "link-route" })] : []), line);
}

/**
 * @param {{x: number, y: number}} place
 * @param {Printed} numbers
 */
function labelNode({ x, y }, { value, kind, ref, shown, words, isKnown }) {
  const width = shown.length * DIGIT + 14;
  const box = vector("rect", { x: x - width / 2, y: y - LABEL_HEIGHT / 2, width, height: LABEL_HEIGHT, rx: kind === "value" ? 6 : 2 });
  const attributes = { class: `label label-${kind} ${value < 0 ? "is-minus" : "is-plus"} ${isKnown ? "" : "is-waiting"}`, role: "button", "aria-label": `${ref}: ${words}` };
  return link(vector("g", attributes, vector("title", {}, words), box, vector("text", { x, y: y + 4.5 }, shown)), ref);
}

// ---------------------------------------------------------------- nodes: inputs and units

/**
 * @param {Column[]} columns
 * @param {NodelinkOptions} options
 * @param {number} width
 * @param {number} height
 */
function nodesOf(columns, options, width, height) {
  return columns.flatMap((column, at) =>
    Array.from({ length: column.units }, (_, unit) => nodeOf(column, options, placeOf(columns, at, unit, width, height), { isLast: at === columns.length - 1, gap: height / column.units, width })),
  );
}

/**
 * @param {Column} column
 * @param {NodelinkOptions} options
 * @param {NodePlace} place
 * @param {{isLast: boolean, gap: number, width: number}} room
 */
function nodeOf(column, options, { x, y, unit, column: at }, { isLast, gap, width }) {
  const { sample, names = [], classes = [] } = options;
  const node = vector("g", { class: "unit" });
  node.append(circleOf(column, options, x, y, unit));
  const name = at === 0 ? names[unit] ?? "" : isLast ? classes[unit] ?? "" : "";
  if (name) node.append(vector("text", { x, y: y - RADIUS - 9, class: "unit-name" }, name));
  if (gap < 100 || !column.sum) return node;
  node.append(...(column.bias ? [noteOf(options, column.bias, [unit], "b", { x, y: y - RADIUS - (name ? 27 : 10), width })] : []));
  if (column.sum !== column.value) node.append(noteOf(options, column.sum, [sample, unit], "z", { x, y: y + RADIUS + 18, width }));
  return node;
}

/**
 * The circle with the unit's value, or with its gradient.
 * @param {Column} column
 * @param {NodelinkOptions} options
 * @param {number} x
 * @param {number} y
 * @param {number} unit
 */
function circleOf(column, { trace, sample, phase, known, route }, x, y, unit) {
  const cell = [sample, unit];
  const gradient = phase === "backward" ? trace.gradientOf(column.value) ?? (column.sum && trace.gradientOf(column.sum)) : null;
  const isGradient = gradient !== null && known(gradient) && sizeOfTensor(gradient) === sizeOfTensor(column.value);
  const tensor = isGradient ? gradient : column.value;
  const isKnown = known(column.value);
  const value = Number(tensor.data?.[positionAt(tensor, cell)]);
  const shown = isKnown ? fitting(value, isGradient) : "?";
  const role = column.sum ? "unit" : "input";
  const onRoute = route.includes(writeRef(column.value.ref, cell));
  const node = vector(
    "g", { class: `node node-${role} ${isGradient ? "node-gradient" : ""} ${value < 0 ? "is-minus" : "is-plus"} ${isKnown ? "" : "is-waiting"}`, role: "button", "aria-label": `${writeRef(tensor.ref, cell)}: ${shown}` },
    ...(onRoute ? [vector("circle", { cx: x, cy: y, r: RADIUS + 5, class: "node-route" })] : []),
    vector("circle", { cx: x, cy: y, r: RADIUS }),
    ...(isGradient ? [vector("text", { x: x + RADIUS - 2, y: y - RADIUS + 6, class: "node-tab" }, "∂")] : []),
    vector("text", { x, y: y + 4.5 }, shown),
  );
  return link(node, writeRef(tensor.ref, cell));
}

/**
 * A number with as many digits as a circle holds.
 * @param {number} value
 * @param {boolean} isSigned
 */
function fitting(value, isSigned) {
  const write = isSigned ? formatSigned : format;
  return [3, 2].map((digits) => write(value, digits)).find((shown) => shown.length <= LONGEST) ?? write(value, 1);
}

/**
 * A number beside a unit: its bias above, its sum below; in the backward phase their gradients.
 * @param {NodelinkOptions} options
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @param {string} name
 * @param {{x: number, y: number, width: number}} place in a drawing of a width that it does not leave
 */
function noteOf({ trace, phase, known }, tensor, cell, name, { x, y, width }) {
  const gradient = phase === "backward" ? trace.gradientOf(tensor) : null;
  const after = phase === "update" ? trace.versionOf(tensor, 1) : null;
  const shown = gradient && known(gradient) ? gradient : after && known(after) ? after : tensor;
  const isKnown = tensor.role === "param" || known(tensor);
  const value = Number(shown.data?.[positionAt(shown, cell)]);
  const before = Number(tensor.data?.[positionAt(tensor, cell)]);
  const number = shown === gradient ? formatSigned(value) : shown === after && shown !== tensor ? `${format(before)} → ${format(value)}` : format(value);
  const kind = shown === gradient ? "gradient" : "value";
  const words = `${kind === "gradient" ? "∂" : ""}${name} = ${isKnown ? number : "?"}`;
  const half = (words.length * DIGIT) / 2 + 4;
  const middle = Math.max(half, Math.min(x, width - half));
  const node = vector("text", { x: middle, y, class: `unit-note note-${kind} ${value < 0 ? "is-minus" : "is-plus"}`, role: "button" }, words);
  return link(node, writeRef(shown.ref, cell));
}
