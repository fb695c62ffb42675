/** Lines over a number: training curves, or the loss as one weight is wiggled, with its tangent. */

import { axesNode, axisMargin, linearMap, rangeOf } from "./axes.js";
import { element, hiddenTable, onWidth, redrawn, vector } from "./element.js";
import { text } from "./messages.js";
import { format } from "./numbers.js";

/**
 * @typedef {{name: string, points: [number, number][]}} Series
 * @typedef {{x: number, y: number, slope: number, label: string}} Tangent at a point of the first series
 * @typedef {[number, number]} Pixel
 * @typedef {object} ChartOptions
 * @property {string} title
 * @property {Series[]} series
 * @property {string} x the horizontal axis in words
 * @property {string} y
 * @property {Tangent | null} [tangent]
 * @property {[number, number]} [range] of the vertical axis; otherwise that of the points
 * @property {number} [height]
 * @typedef {{plot: import("./axes.js").Plot, x: import("./axes.js").Range, y: import("./axes.js").Range,
 *   labels: {name: string, at: number}[]}} ChartPlan
 */

const LABEL_GAP = 18;
const LABEL_RISE = 12;
const LABEL_DISTANCES = [10, 16, 24, 34, 46, 60, 76]; // CSS pixels between a point and its label
const LABEL_LETTER = 7.6;
const MOST_ROWS = 40;
const SERIES_STYLES = 6;

/**
 * @param {ChartOptions} options
 * @returns {{node: HTMLElement, update: (options: Partial<ChartOptions>) => void}}
 */
export function chart(options) {
  const node = element("figure", { class: "view chart" });
  let width = 480;
  const view = redrawn(node, options, (options) => {
    const { title, height = 260 } = options;
    const plan = planChart(options, width, height);
    const isCount = options.series.every(({ points }) => points.every(([at]) => Number.isInteger(at)));
    const axes = axesNode(plan.plot, { range: plan.x, label: options.x, isCount }, { range: plan.y, label: options.y }, true);
    const attributes = { class: "chart-drawing", width, height, role: "img", "aria-label": chartWords(options) };
    const drawing = vector("svg", attributes, axes, ...chartLines(options, plan));
    node.replaceChildren(element("figcaption", { class: "view-title" }, title), drawing, chartTable(options));
  });
  onWidth(node, (available) => {
    width = available;
    view.update({});
  });
  return view;
}

/**
 * The place of everything in a chart: margins as wide as their words, labels at the line's ends moved apart.
 *
 * @param {ChartOptions} options
 * @param {number} width
 * @param {number} height
 * @returns {ChartPlan}
 */
function planChart({ series, range, tangent }, width, height) {
  const points = series.flatMap((line) => line.points);
  const xs = points.map(([x]) => x).filter(Number.isFinite);
  /** @type {import("./axes.js").Range} */
  const x = xs.length > 1 && Math.max(...xs) > Math.min(...xs) ? [Math.min(...xs), Math.max(...xs)] : rangeOf(xs);
  const y = range ?? rangeOf([...points.map(([, value]) => value), ...(tangent ? [tangent.y] : [])]);
  const named = series.length > 1 ? Math.max(...series.map((line) => line.name.length)) : 0;
  const right = named ? 12 + Math.min(7.4 * named, width / 3) : 12;
  const plot = { left: axisMargin(y, height), top: 28, width: 0, height: height - 28 - 44 };
  plot.width = Math.max(40, width - plot.left - right);
  const mapY = linearMap(y, plot.top + plot.height, plot.top);
  const ends = series.map((line) => {
    const last = line.points.filter((point) => point.every(Number.isFinite)).at(-1);
    return { name: line.name, at: mapY(last ? last[1] : y[0]) };
  });
  return { plot, x, y, labels: named ? movedApart(ends, plot.top + plot.height) : [] };
}

/**
 * Labels at least a line of text apart, in the order of their places, above a lowest place.
 *
 * @param {{name: string, at: number}[]} labels
 * @param {number} lowest
 */
export function movedApart(labels, lowest) {
  const sorted = labels.map((label) => ({ ...label })).sort((a, b) => a.at - b.at);
  sorted.forEach((label, index) => {
    if (index) label.at = Math.max(label.at, sorted[index - 1].at + LABEL_GAP);
  });
  for (let index = sorted.length - 1, limit = lowest; index >= 0; index -= 1, limit -= LABEL_GAP) sorted[index].at = Math.min(sorted[index].at, limit);
  return labels.map(({ name }) => /** @type {{name: string, at: number}} */ (sorted.find((label) => label.name === name)));
}

/**
 * @param {ChartOptions} options
 * @param {ChartPlan} plan
 * @returns {SVGElement[]}
 */
function chartLines({ series, tangent }, { plot, x, y, labels }) {
  const mapX = linearMap(x, plot.left, plot.left + plot.width);
  const mapY = linearMap(y, plot.top + plot.height, plot.top);
  const lines = series.flatMap(({ points }, index) => {
    const style = `series series-${index % SERIES_STYLES}`;
    const label = labels[index];
    const line = vector("path", { class: style, d: pathOf(points, mapX, mapY) });
    return label ? [line, vector("text", { class: `${style} series-label`, x: plot.left + plot.width + 8, y: label.at + 4 }, label.name)] : [line];
  });
  return tangent ? [...lines, tangentNode(tangent, plot, x, y, pixelsOf(series[0].points, mapX, mapY))] : lines;
}

/**
 * A path through points; it breaks where a number is not finite.
 *
 * @param {[number, number][]} points
 * @param {(value: number) => number} mapX
 * @param {(value: number) => number} mapY
 */
export function pathOf(points, mapX, mapY) {
  let pen = "M";
  return points
    .map(([x, y]) => {
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        pen = "M";
        return "";
      }
      const part = `${pen}${mapX(x).toFixed(1)} ${mapY(y).toFixed(1)}`;
      pen = "L";
      return part;
    })
    .join("");
}

/**
 * The tangent as far as it stays inside the plot, its point, and its slope in words.
 *
 * @param {Tangent} tangent
 * @param {import("./axes.js").Plot} plot
 * @param {import("./axes.js").Range} x
 * @param {import("./axes.js").Range} y
 * @param {Pixel[]} curve
 */
function tangentNode(tangent, plot, x, y, curve) {
  const mapX = linearMap(x, plot.left, plot.left + plot.width);
  const mapY = linearMap(y, plot.top + plot.height, plot.top);
  const level = (/** @type {number} */ at) => tangent.y + tangent.slope * (at - tangent.x);
  const reach = tangent.slope === 0 ? x : y.map((edge) => tangent.x + (edge - tangent.y) / tangent.slope).sort((a, b) => a - b);
  const [from, to] = [Math.max(x[0], reach[0]), Math.min(x[1], reach[1])];
  const sign = tangent.slope < 0 ? "is-minus" : "is-plus";
  const [px, py] = [mapX(tangent.x), mapY(tangent.y)];
  const line = { x1: mapX(from), y1: mapY(level(from)), x2: mapX(to), y2: mapY(level(to)) };
  const place = labelPlace(tangent.label, plot, [px, py], [curve, [[line.x1, line.y1], [line.x2, line.y2]]]);
  return vector(
    "g",
    { class: `tangent ${sign}` },
    vector("line", { class: "tangent-line", ...line }),
    vector("circle", { class: "tangent-point", cx: px, cy: py, r: 5 }),
    vector("text", { class: "tangent-label", ...place }, tangent.label),
  );
}

/**
 * The place of a label near a point that no line crosses: the nearest inside the plot.
 *
 * @param {string} label
 * @param {import("./axes.js").Plot} plot
 * @param {Pixel} point
 * @param {Pixel[][]} lines
 */
function labelPlace(label, plot, [px, py], lines) {
  const width = LABEL_LETTER * label.length;
  const places = LABEL_DISTANCES.flatMap((away) => [py - away, py + away + LABEL_RISE]).flatMap((y) => [px + 12, px - 12 - width, px - width / 2].map((x) => ({ x, y })));
  const isInside = (/** @type {{x: number, y: number}} */ { x, y }) => x >= plot.left && x + width <= plot.left + plot.width && y - LABEL_RISE >= plot.top && y <= plot.top + plot.height - 6;
  const inside = places.filter(isInside);
  const free = inside.find(({ x, y }) => !lines.some((line) => isCrossed(line, { left: x - 4, right: x + width + 4, top: y - LABEL_RISE - 2, bottom: y + 6 })));
  return free ?? inside[0] ?? places[0];
}

/**
 * @param {Pixel[]} line
 * @param {{left: number, right: number, top: number, bottom: number}} box
 */
function isCrossed(line, { left, right, top, bottom }) {
  return line.slice(1).some(([x2, y2], before) => {
    const [x1, y1] = line[before];
    const [from, to] = [Math.max(left, Math.min(x1, x2)), Math.min(right, Math.max(x1, x2))];
    const levels = [from, to].map((x) => (x1 === x2 ? y1 : y1 + ((y2 - y1) * (x - x1)) / (x2 - x1)));
    return from <= to && Math.min(...levels) <= bottom && Math.max(...levels) >= top;
  });
}

/**
 * @param {[number, number][]} points
 * @param {(value: number) => number} mapX
 * @param {(value: number) => number} mapY
 * @returns {Pixel[]}
 */
function pixelsOf(points, mapX, mapY) {
  return points.filter((point) => point.every(Number.isFinite)).map(([x, y]) => [mapX(x), mapY(y)]);
}

/**
 * A chart in a sentence: what each line does between its ends, and its lowest point.
 *
 * @param {ChartOptions} options
 */
function chartWords({ title, series, tangent }) {
  const lines = series.map(({ name, points }) => {
    const values = points.map(([, y]) => y).filter(Number.isFinite);
    if (values.length === 0) return text("chart.empty", { name });
    return text("chart.line", { name, first: format(values[0]), last: format(values.at(-1) ?? Number.NaN), lowest: format(Math.min(...values)) });
  });
  return [`${title}.`, ...lines, ...(tangent ? [tangent.label] : [])].join(" ");
}

/**
 * The numbers behind the lines, for a screen reader; of long series evenly chosen rows.
 *
 * @param {ChartOptions} options
 */
function chartTable({ title, series, x }) {
  const places = [...new Set(series.flatMap((line) => line.points.map(([at]) => at)))].sort((a, b) => a - b);
  const every = Math.ceil(places.length / MOST_ROWS);
  const values = series.map((line) => new Map(line.points));
  const chosen = places.filter((_, index) => index % every === 0 || index === places.length - 1);
  const rows = chosen.map((at) => [at, ...values.map((line) => line.get(at))].map((value) => (value === undefined ? "" : format(value))));
  return hiddenTable(title, [x, ...series.map((line) => line.name)], rows);
}
