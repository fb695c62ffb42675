/** Axes for charts and planes: round ticks, the map from numbers to pixels, and the lines and words. */

import { vector } from "./element.js";
import { format } from "./numbers.js";

/**
 * @typedef {{left: number, top: number, width: number, height: number}} Plot in CSS pixels, without the margins
 * @typedef {[number, number]} Range
 */

const TICK_GAP = 64;

/**
 * Round numbers across a range: steps of 1, 2 or 5 times a power of ten.
 *
 * @param {number} low
 * @param {number} high
 * @param {number} count about how many
 * @returns {number[]}
 */
export function niceTicks(low, high, count) {
  if (!(high > low)) return [low];
  const rough = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9)) ?? 10) * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/**
 * The range of the finite numbers; an empty or flat one is opened so that it can be drawn.
 *
 * @param {number[]} values
 * @returns {Range}
 */
export function rangeOf(values) {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0, 1];
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const margin = high > low ? 0.06 * (high - low) : Math.abs(low) || 1;
  return [low - margin, high + margin];
}

/**
 * Where numbers of a range lie between two pixels.
 *
 * @param {Range} range
 * @param {number} from
 * @param {number} to
 * @returns {(value: number) => number}
 */
export function linearMap([low, high], from, to) {
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

/**
 * Both axes with ticks, numbers and names; `grid` draws the ticks across the plot.
 *
 * @param {Plot} plot
 * @param {{range: Range, label: string, isCount?: boolean}} x `isCount`: there is nothing between whole numbers
 * @param {{range: Range, label: string}} y
 * @param {boolean} grid
 * @returns {SVGGElement}
 */
export function axesNode(plot, x, y, grid) {
  const { left, top, width, height } = plot;
  const bottom = top + height;
  const [mapX, mapY] = [linearMap(x.range, left, left + width), linearMap(y.range, bottom, top)];
  const node = vector("g", { class: "axes" });
  for (const tick of niceTicks(...y.range, Math.max(2, height / 48))) {
    const at = mapY(tick);
    const ends = grid ? [left, left + width] : [left - 4, left];
    node.append(vector("line", { class: grid ? "axes-grid" : "axes-tick", x1: ends[0], x2: ends[1], y1: at, y2: at }));
    node.append(vector("text", { class: "axes-number", x: left - 8, y: at + 4, "text-anchor": "end" }, format(tick)));
  }
  for (const tick of niceTicks(...x.range, Math.max(2, width / TICK_GAP)).filter((at) => !x.isCount || Number.isInteger(at))) {
    const at = mapX(tick);
    node.append(vector("line", { class: "axes-tick", x1: at, x2: at, y1: bottom, y2: bottom + 4 }));
    node.append(vector("text", { class: "axes-number", x: at, y: bottom + 18, "text-anchor": "middle" }, format(tick)));
  }
  node.append(
    vector("line", { class: "axes-line", x1: left, x2: left + width, y1: bottom, y2: bottom }),
    vector("text", { class: "axes-label", x: left + width, y: bottom + 36, "text-anchor": "end" }, x.label),
    vector("text", { class: "axes-label", x: 0, y: 12 }, y.label),
  );
  return node;
}

/**
 * The margin that the numbers of a vertical axis need.
 *
 * @param {Range} range
 * @param {number} height
 */
export function axisMargin(range, height) {
  const longest = Math.max(...niceTicks(...range, Math.max(2, height / 48)).map((tick) => format(tick).length));
  return 14 + 7.6 * longest;
}
