/** The plane of two inputs: what the network says everywhere, the samples in it, and the zero lines of hidden units. */

import { cellRef } from "./arrays.js";
import { axesNode, axisMargin, linearMap } from "./axes.js";
import { element, hiddenTable, onWidth, redrawn, vector } from "./element.js";
import { legend } from "./legend.js";
import { text } from "./messages.js";
import { format } from "./numbers.js";
import { cssColor, enlarge, paintCells, setPixel } from "./paint.js";
import { picture } from "./picture.js";
import { colorTable, hexToRgb, isSigned, limitOf, mixStops, TABLE_STEPS, themeColor } from "./scale.js";

/**
 * @typedef {import("./axes.js").Range} Range
 * @typedef {{x: number, y: number, kind: number, name: string, ref?: string}} PlanePoint `kind`: the number of its class
 * @typedef {{a: number, b: number, c: number, name: string}} ZeroLine where a·x + b·y + c = 0
 * @typedef {object} BoundaryOptions
 * @property {string} title
 * @property {import("./arrays.js").ArrayView} array (rows, columns) the probability of the second class, or any signed
 *   value; (rows, columns, classes) probabilities. The first row lies at the top.
 * @property {"class" | import("./scale.js").ScaleKind} [kind] `class` by default
 * @property {{range: Range, label: string}} x
 * @property {{range: Range, label: string}} y
 * @property {PlanePoint[]} points
 * @property {number} [largest] CSS pixels across; 360
 * @property {number} [chosen] the point that is explained
 * @property {string[]} classes names
 * @property {ZeroLine[]} [lines]
 * @property {(x: number, y: number, position: number) => void} [onpoint]
 */

/* Okabe and Ito's colours, without the two that look like the scale of signed values. */
const CLASS_COLORS = ["#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#999999"];
const MARKS = ["●", "■", "▲", "◆", "▼", "★"];
const MARK_RADIUS = 7;
const DOT_RADIUS = 3.5;
const LARGEST_PLANE = 360;
const FEW_POINTS = 12; // have large marks
const MOST_POINTS = 400;
const NAME_HEIGHT = 16;
const NAME_DIGIT = 7.4;
const NAME_SHARES = [0.5, 0.25, 0.75, 0.1, 0.9, 0.4, 0.6, 0.17, 0.83, 0.32, 0.68];

/**
 * @param {BoundaryOptions} options
 * @returns {{node: HTMLElement, update: (options: Partial<BoundaryOptions>) => void}}
 */
export function boundary(options) {
  const cells = picture();
  const overlay = vector("svg", { class: "boundary-overlay", "aria-hidden": "true" });
  const plane = element("div", { class: "boundary-plane" }, cells.node, overlay);
  const caption = element("figcaption", { class: "view-title" });
  const status = element("p", { class: "view-status" });
  const footer = element("div");
  const node = element("figure", { class: "view boundary" }, caption, plane, status, footer);
  let width = LARGEST_PLANE;

  const view = redrawn(node, options, (options) => {
    const plot = planPlane(options, width);
    const [outerWidth, outerHeight] = [plot.left + plot.width + 12, plot.top + plot.height + 44];
    caption.replaceChildren(options.title);
    plane.style.width = `${outerWidth}px`;
    plane.style.height = `${outerHeight}px`;
    cells.node.style.left = `${plot.left}px`;
    cells.node.style.top = `${plot.top}px`;
    for (const [name, value] of Object.entries({ width: outerWidth, height: outerHeight })) overlay.setAttribute(name, String(value));
    overlay.replaceChildren(axesNode(plot, options.x, options.y, false), ...zeroLineNodes(options, plot), ...pointNodes(options, plot));
    cells.show(planeSpec(options, plot, status));
    footer.replaceChildren(planeLegend(options), pointTable(options));
    status.textContent = hintOf(options);
  });
  onWidth(node, (available) => {
    width = available;
    view.update({});
  });
  return view;
}

/**
 * The plane in its box: both axes at the same scale where that leaves it readable.
 *
 * @param {Pick<BoundaryOptions, "x" | "y" | "largest">} options
 * @param {number} available
 * @returns {import("./axes.js").Plot}
 */
function planPlane({ x, y, largest = LARGEST_PLANE }, available) {
  const left = axisMargin(y.range, LARGEST_PLANE);
  const width = Math.max(120, Math.min(LARGEST_PLANE, largest, available - left - 12));
  const ratio = (y.range[1] - y.range[0]) / (x.range[1] - x.range[0]);
  return { left, top: 24, width, height: Math.round(width * Math.max(0.5, Math.min(1.2, ratio))) };
}

/**
 * Where cells change from below a level to above it: short lines between the cells (marching squares), as x and y in
 * cells from the top left middle.
 *
 * @param {ArrayLike<number>} data
 * @param {number} rows
 * @param {number} columns
 * @param {number} level
 * @returns {[number, number, number, number][]}
 */
export function contourLines(data, rows, columns, level) {
  /** @type {[number, number, number, number][]} */
  const lines = [];
  const height = (/** @type {number} */ row, /** @type {number} */ column) => data[row * columns + column] - level;
  for (let row = 0; row + 1 < rows; row += 1) {
    for (let column = 0; column + 1 < columns; column += 1) {
      const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
      /** @type {[number, number][]} */
      const crossings = [];
      corners.forEach(([r, c], index) => {
        const [nextR, nextC] = corners[(index + 1) % 4];
        const [here, there] = [height(r, c), height(nextR, nextC)];
        if (here < 0 === there < 0) return;
        const share = here / (here - there);
        crossings.push([c + share * (nextC - c), r + share * (nextR - r)]);
      });
      for (let index = 0; index + 1 < crossings.length; index += 2) lines.push([...crossings[index], ...crossings[index + 1]]);
    }
  }
  return lines;
}

/**
 * The part of a zero line inside a window; null where it does not cross it.
 *
 * @param {ZeroLine} line
 * @param {Range} x
 * @param {Range} y
 * @returns {[number, number, number, number] | null} x and y of both ends
 */
export function clipLine({ a, b, c }, x, y) {
  /** @type {[number, number][]} */
  const ends = [];
  if (b) for (const at of x) ends.push([at, -(a * at + c) / b]);
  if (a) for (const at of y) ends.push([-(b * at + c) / a, at]);
  const inside = (/** @type {number} */ value, /** @type {Range} */ [low, high]) => value >= low - 1e-9 && value <= high + 1e-9;
  const hits = ends.filter(([px, py]) => inside(px, x) && inside(py, y));
  const [first] = hits;
  const last = hits.find(([px, py]) => Math.hypot(px - first[0], py - first[1]) > 1e-9);
  return first && last ? [...first, ...last] : null;
}

/**
 * @param {BoundaryOptions} options
 * @param {import("./axes.js").Plot} plot
 * @param {HTMLElement} status
 * @returns {import("./picture.js").PictureSpec}
 */
function planeSpec(options, plot, status) {
  const { array, x, y, title, onpoint } = options;
  const [rows, columns] = array.shape;
  const [cellWidth, cellHeight] = [plot.width / columns, plot.height / rows];
  const [atX, atY] = [linearMap([-0.5, columns - 0.5], ...x.range), linearMap([rows - 0.5, -0.5], ...y.range)];
  const place = (/** @type {number} */ position) => [atX(position % columns), atY(Math.floor(position / columns))];
  const words = (/** @type {number} */ position) => {
    const [px, py] = place(position);
    return text("boundary.place", { x: `${x.label} = ${format(px, 3)}`, y: `${y.label} = ${format(py, 3)}`, value: planeWords(options, position) });
  };
  return {
    label: title,
    columns,
    count: rows * columns,
    width: plot.width,
    height: plot.height,
    box: (position) => ({
      x: (position % columns) * cellWidth,
      y: Math.floor(position / columns) * cellHeight,
      width: cellWidth,
      height: cellHeight,
    }),
    paint: (context) => paintPlane(context, options, cellWidth, cellHeight),
    speak: words,
    ref: (position) => cellRef({ ...array, shape: [rows, columns] }, position),
    onpoint: (position) => {
      status.textContent = position === null ? hintOf(options) : words(position);
      if (position !== null) onpoint?.(place(position)[0], place(position)[1], position);
    },
    onpick: undefined,
  };
}

/**
 * @param {BoundaryOptions} options
 * @param {number} position
 */
function planeWords({ array, classes, kind = "class" }, position) {
  const count = array.shape[2];
  if (kind !== "class") return format(array.data[position]);
  if (!count) return text("boundary.says", { name: classes[1], value: format(array.data[position], 3) });
  const best = bestClass(array.data, position, count);
  return text("boundary.says", { name: classes[best], value: format(array.data[position * count + best], 3) });
}

/**
 * @param {ArrayLike<number>} data
 * @param {number} position
 * @param {number} count of classes
 */
function bestClass(data, position, count) {
  let best = 0;
  for (let other = 1; other < count; other += 1) if (data[position * count + other] > data[position * count + best]) best = other;
  return best;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {BoundaryOptions} options
 * @param {number} cellWidth
 * @param {number} cellHeight
 */
function paintPlane(context, { array, kind = "class" }, cellWidth, cellHeight) {
  const [rows, columns, count] = array.shape;
  const cells = { rows, columns, left: 0, top: 0, cellWidth, cellHeight, smooth: true };
  if (kind !== "class") {
    paintCells(context, { ...cells, data: array.data, scale: { kind, limit: limitOf(array.data, kind) } }, colorTable(kind));
    paintContour(context, contourLines(array.data, rows, columns, isSigned(kind) ? 0 : 0.5), cellWidth, cellHeight, 1.5);
  } else if (count) paintClasses(context, array.data, cells, count);
  else {
    const leaning = Float32Array.from(array.data, (share) => 2 * share - 1);
    paintCells(context, { ...cells, data: leaning, scale: { kind: "value", limit: 1 } }, twoClassTable());
    for (const level of [0.25, 0.75]) paintContour(context, contourLines(array.data, rows, columns, level), cellWidth, cellHeight, 0.75);
    paintContour(context, contourLines(array.data, rows, columns, 0.5), cellWidth, cellHeight, 2);
  }
}

/** Tints of two classes that meet in the surface colour, as a colour table. */
function twoClassTable() {
  const surface = themeColor("surface");
  const stops = [0, 1].map((kind) => mixStops([surface, hexToRgb(CLASS_COLORS[kind])], 0.55));
  const table = new Uint8ClampedArray(3 * TABLE_STEPS);
  for (let step = 0; step < TABLE_STEPS; step += 1) table.set(mixStops([stops[0], surface, stops[1]], step / (TABLE_STEPS - 1)), 3 * step);
  return table;
}

/**
 * Each cell in its most probable class's colour, the surer the stronger.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {ArrayLike<number>} data
 * @param {{rows: number, columns: number, cellWidth: number, cellHeight: number}} cells
 * @param {number} count
 */
function paintClasses(context, data, { rows, columns, cellWidth, cellHeight }, count) {
  const image = new ImageData(columns, rows);
  const surface = themeColor("surface");
  for (let position = 0; position < rows * columns; position += 1) {
    const best = bestClass(data, position, count);
    const sure = Math.max(0, (data[position * count + best] - 1 / count) / (1 - 1 / count));
    setPixel(image, position, mixStops([surface, hexToRgb(CLASS_COLORS[best % CLASS_COLORS.length])], 0.1 + 0.45 * sure), 0);
  }
  enlarge(context, image, { left: 0, top: 0, cellWidth, cellHeight, smooth: true });
  for (let kind = 0; kind < count; kind += 1) {
    const lead = Float32Array.from({ length: rows * columns }, (_, position) => leadOf(data, position * count, count, kind));
    paintContour(context, contourLines(lead, rows, columns, 0), cellWidth, cellHeight, 1.5);
  }
}

/**
 * By how much one class is ahead of all others in a cell; negative if it is behind.
 *
 * @param {ArrayLike<number>} data
 * @param {number} first of the cell's probabilities
 * @param {number} count of classes
 * @param {number} kind
 */
function leadOf(data, first, count, kind) {
  let rival = -Infinity;
  for (let other = 0; other < count; other += 1) if (other !== kind) rival = Math.max(rival, data[first + other]);
  return data[first + kind] - rival;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {[number, number, number, number][]} lines
 * @param {number} cellWidth
 * @param {number} cellHeight
 * @param {number} thickness
 */
function paintContour(context, lines, cellWidth, cellHeight, thickness) {
  context.strokeStyle = cssColor(thickness > 1 ? "ink" : "dim");
  context.lineWidth = thickness;
  context.lineCap = "round";
  context.beginPath();
  for (const [x1, y1, x2, y2] of lines) {
    context.moveTo((x1 + 0.5) * cellWidth, (y1 + 0.5) * cellHeight);
    context.lineTo((x2 + 0.5) * cellWidth, (y2 + 0.5) * cellHeight);
  }
  context.stroke();
}

/** @param {BoundaryOptions} options */
function hintOf({ points, chosen }) {
  return `${text("boundary.hint")} ${sampleNote(points.length, chosen)}`.trim();
}

/** @typedef {{left: number, top: number, right: number, bottom: number}} Box */

/**
 * The zero lines, each with its name on the side where its unit is positive: at the first place along the line where
 * the name is inside the plane and covers neither a sample nor another name. Where all is full a line has no name.
 *
 * @param {BoundaryOptions} options
 * @param {import("./axes.js").Plot} plot
 * @returns {SVGElement[]}
 */
function zeroLineNodes({ lines = [], points, x, y }, plot) {
  const mapX = linearMap(x.range, plot.left, plot.left + plot.width);
  const mapY = linearMap(y.range, plot.top + plot.height, plot.top);
  const radius = radiusOf(markDress(points.length, false));
  const taken = points.map((point) => boxAt(mapX(point.x) - radius, mapY(point.y), 2 * radius, 2 * radius));
  return lines.flatMap((line, index) => {
    const ends = clipLine(line, x.range, y.range);
    if (!ends) return [];
    const [x1, y1, x2, y2] = [mapX(ends[0]), mapY(ends[1]), mapX(ends[2]), mapY(ends[3])];
    const [stepX, stepY] = [line.a * (mapX(1) - mapX(0)), line.b * (mapY(1) - mapY(0))];
    const [acrossX, acrossY] = [stepX / Math.hypot(stepX, stepY), stepY / Math.hypot(stepX, stepY)];
    const node = vector("line", { class: "zero-line", x1, y1, x2, y2 });
    for (const share of [(index + 1) / (lines.length + 1), ...NAME_SHARES]) {
      const [middleX, middleY] = [x1 + share * (x2 - x1), y1 + share * (y2 - y1)];
      const [nameX, nameY] = [middleX + 18 * acrossX, middleY + 18 * acrossY];
      const width = line.name.length * NAME_DIGIT;
      const box = boxAt(acrossX < 0 ? nameX - width : nameX, nameY, width, NAME_HEIGHT);
      if (!isInside(box, plot) || taken.some((other) => overlap(box, other))) continue;
      taken.push(box);
      const side = vector("line", { class: "zero-line-side", x1: middleX, y1: middleY, x2: middleX + 12 * acrossX, y2: middleY + 12 * acrossY });
      return [node, side, vector("text", { class: "zero-line-name", x: nameX, y: nameY + 4, "text-anchor": acrossX < 0 ? "end" : "start" }, line.name)];
    }
    return [node];
  });
}

/**
 * @param {number} left
 * @param {number} middle
 * @param {number} width
 * @param {number} height
 * @returns {Box}
 */
function boxAt(left, middle, width, height) {
  return { left, top: middle - height / 2, right: left + width, bottom: middle + height / 2 };
}

/**
 * @param {Box} box
 * @param {import("./axes.js").Plot} plot
 */
function isInside({ left, top, right, bottom }, plot) {
  return left >= plot.left && top >= plot.top && right <= plot.left + plot.width && bottom <= plot.top + plot.height;
}

/**
 * @param {Box} a
 * @param {Box} b
 */
function overlap(a, b) {
  return Math.min(a.right, b.right) > Math.max(a.left, b.left) && Math.min(a.bottom, b.bottom) > Math.max(a.top, b.top);
}

/**
 * @param {BoundaryOptions} options
 * @param {import("./axes.js").Plot} plot
 * @returns {SVGElement[]}
 */
function pointNodes({ points, chosen, x, y }, plot) {
  const mapX = linearMap(x.range, plot.left, plot.left + plot.width);
  const mapY = linearMap(y.range, plot.top + plot.height, plot.top);
  return drawnSamples(points.length, chosen).map((index) => {
    const { x: px, y: py, kind, ref } = points[index];
    return markNode(kind, mapX(px), mapY(py), { ref, dress: markDress(points.length, index === chosen) });
  });
}

/**
 * Which samples of a batch are drawn: all, or of a large one some, evenly chosen. The explained one comes last, so that
 * nothing covers it.
 *
 * @param {number} count
 * @param {number} [chosen]
 * @returns {number[]}
 */
export function drawnSamples(count, chosen) {
  const every = Math.ceil(count / MOST_POINTS);
  const others = Array.from({ length: count }, (_, index) => index).filter((index) => index % every === 0 && index !== chosen);
  return chosen === undefined ? others : [...others, chosen];
}

/**
 * What a reader must know about the samples that are not drawn; nothing where all are.
 *
 * @param {number} count
 * @param {number} [chosen]
 */
export function sampleNote(count, chosen) {
  const shown = drawnSamples(count, chosen).length;
  return shown < count ? text("boundary.some", { shown, count }) : "";
}

/**
 * How the mark of a sample is drawn: among many it is a pale dot, unless it is the one that is explained.
 *
 * @param {number} count of samples
 * @param {boolean} isChosen
 * @returns {"" | "is-dot" | "is-chosen"}
 */
export function markDress(count, isChosen) {
  return count <= FEW_POINTS ? "" : isChosen ? "is-chosen" : "is-dot";
}

/** @param {ReturnType<typeof markDress>} dress */
function radiusOf(dress) {
  return dress === "is-dot" ? DOT_RADIUS : MARK_RADIUS;
}

/**
 * A class's mark: its shape says as much as its colour.
 *
 * @param {number} kind
 * @param {number} x
 * @param {number} y
 * @param {{ref?: string, dress?: ReturnType<typeof markDress>}} [options]
 */
export function markNode(kind, x, y, { ref, dress = "" } = {}) {
  const radius = radiusOf(dress);
  const attributes = { class: `boundary-mark ${dress}`, fill: CLASS_COLORS[kind % CLASS_COLORS.length], "data-ref": ref };
  if (kind % MARKS.length === 0) return vector("circle", { ...attributes, cx: x, cy: y, r: radius });
  const corners = markCorners(kind % MARKS.length).map(([right, down]) => `${(x + radius * right).toFixed(1)},${(y + radius * down).toFixed(1)}`);
  return vector("polygon", { ...attributes, points: corners.join(" ") });
}

/**
 * @param {number} mark from 1
 * @returns {[number, number][]} corners about the middle, in radii
 */
function markCorners(mark) {
  const [count, turn] = [[4, 0.25], [3, 0], [4, 0], [3, 0.5], [10, 0]][mark - 1];
  return Array.from({ length: count }, (_, index) => {
    const angle = 2 * Math.PI * (index / count + turn * (count === 4 ? 0.5 : 1)) - Math.PI / 2;
    const radius = 1.2 * (count === 10 && index % 2 ? 0.5 : 1);
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}

/** @param {BoundaryOptions} options */
function planeLegend({ array, classes, kind = "class" }) {
  const line = classLegend(classes);
  return kind === "class" ? line : element("div", {}, line, legend({ kind, limit: limitOf(array.data, kind) }));
}

/** @param {string[]} classes */
export function classLegend(classes) {
  const names = classes.map((name, index) => {
    const mark = vector("svg", { class: "boundary-key", width: 18, height: 18, "aria-hidden": "true" }, markNode(index, 9, 9));
    return element("span", { class: "legend-note" }, mark, name);
  });
  return element("div", { class: "legend" }, ...names);
}

/** @param {BoundaryOptions} options */
function pointTable({ title, points, classes, x, y }) {
  const rows = points.map((point) => [format(point.x), format(point.y), classes[point.kind], point.name]);
  return hiddenTable(title, [x.label, y.label, text("boundary.class"), text("boundary.sample")], rows);
}
