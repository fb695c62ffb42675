/**
 * Paper to draw on with mouse, pen, finger or keyboard. A drawing is a list of strokes; undo takes back one change.
 *
 * @typedef {import("./digit.js").Point} Point
 * @typedef {object} PadOptions
 * @property {string} label what is to be drawn, for a screen reader
 * @property {number} pen width of the line, as a share of the pad's side
 * @property {(change: {ended: boolean}) => void} onchange the drawing has changed; `ended`: no stroke goes on
 * @property {(isDown: boolean) => void} onpen the keyboard's pen was put down or lifted
 */

import { within } from "./digit.js";
import { element, onWidth } from "./element.js";
import { cssColor, sizedContext } from "./paint.js";

const KEY_STEP = 1 / 32;
const SMALLEST_MOVE = 1 / 400;
/** @type {Record<string, Point>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {PadOptions} options */
export function drawPad({ label, pen, onchange, onpen }) {
  const canvas = element("canvas", { class: "pad picture-canvas", tabindex: 0, role: "application", "aria-label": label, "aria-describedby": "pad-help", "data-testid": "pad" });
  /** @type {Point[][]} */
  let strokes = [];
  /** @type {Point[][][]} */
  const past = [];
  const cursor = { at: /** @type {Point} */ ([0.5, 0.5]), isDown: false, isShown: false };
  let side = 0;

  const paint = () => side > 0 && paintPad(canvas, side, { strokes, pen, cursor });
  /** @param {Point[][]} next @param {boolean} ended */
  const change = (next, ended) => {
    strokes = next;
    paint();
    onchange({ ended });
  };
  const sheet = {
    /** @param {Point} point */
    begin(point) {
      past.push(strokes);
      change([...strokes, [point]], false);
    },
    /** @param {Point} point */
    go(point) {
      const stroke = strokes.at(-1) ?? [];
      const [x, y] = stroke.at(-1) ?? point;
      if (Math.hypot(point[0] - x, point[1] - y) < SMALLEST_MOVE) return;
      change([...strokes.slice(0, -1), [...stroke, point]], false);
    },
    end: () => change(strokes, true),
    undo() {
      cursor.isDown = false;
      const before = past.pop();
      if (before) change(before, true);
    },
    /** @param {Point[][]} next */
    replace(next) {
      cursor.isDown = false;
      past.push(strokes);
      change(next, true);
    },
  };

  canvas.addEventListener("redraw", paint);
  onWidth(canvas, (width) => {
    side = width;
    paint();
  });
  drawByPointer(canvas, sheet);
  drawByKeys(canvas, sheet, cursor, paint, onpen);
  return {
    node: canvas,
    strokes: () => strokes,
    undo: sheet.undo,
    replace: sheet.replace,
    clear: () => strokes.length > 0 && sheet.replace([]),
    /** @param {number} width */
    setPen(width) {
      pen = width;
      change(strokes, true);
    },
  };
}

/**
 * @typedef {{begin: (point: Point) => void, go: (point: Point) => void, end: () => void, undo: () => void,
 *   replace: (strokes: Point[][]) => void}} Sheet
 * @typedef {{at: Point, isDown: boolean, isShown: boolean}} Cursor
 */

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Sheet} sheet
 */
function drawByPointer(canvas, sheet) {
  /** @type {number | null} */
  let drawing = null; // a second finger draws nothing
  /** @param {PointerEvent} event @returns {Point} */
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [within((event.clientX - box.left) / box.width, 0, 1), within((event.clientY - box.top) / box.height, 0, 1)];
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (drawing !== null || event.button !== 0) return;
    drawing = event.pointerId;
    canvas.setPointerCapture(event.pointerId);
    sheet.begin(place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drawing) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const moved of passed.length ? passed : [event]) sheet.go(place(moved));
  });
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    canvas.addEventListener(name, (event) => {
      if (event.pointerId !== drawing) return;
      drawing = null;
      sheet.end();
    });
  }
}

/**
 * Arrows move the cursor, space puts the pen down and lifts it, Backspace clears, Control+Z takes back.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Sheet} sheet
 * @param {Cursor} cursor
 * @param {() => void} paint
 * @param {(isDown: boolean) => void} onpen
 */
function drawByKeys(canvas, sheet, cursor, paint, onpen) {
  const turnPen = () => {
    cursor.isDown = !cursor.isDown;
    if (cursor.isDown) sheet.begin(cursor.at);
    else sheet.end();
    onpen(cursor.isDown);
  };
  /** @param {boolean} isShown */
  const showCursor = (isShown) => {
    cursor.isShown = isShown;
    if (!isShown && cursor.isDown) turnPen();
    paint();
  };
  canvas.addEventListener("focus", () => showCursor(canvas.matches(":focus-visible")));
  canvas.addEventListener("blur", () => showCursor(false));
  canvas.addEventListener("pointerdown", () => showCursor(false));
  canvas.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key];
    if (arrow) {
      cursor.at = [within(cursor.at[0] + arrow[0] * KEY_STEP, 0, 1), within(cursor.at[1] + arrow[1] * KEY_STEP, 0, 1)];
      if (cursor.isDown) sheet.go(cursor.at);
    } else if (event.key === " ") turnPen();
    else if (event.key === "Backspace" || event.key === "Delete") sheet.replace([]);
    else if (event.key === "z" && (event.ctrlKey || event.metaKey)) sheet.undo();
    else return;
    event.preventDefault();
    showCursor(true);
  });
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} side in CSS pixels
 * @param {{strokes: Point[][], pen: number, cursor: Cursor}} drawing
 */
function paintPad(canvas, side, { strokes, pen, cursor }) {
  const context = sizedContext(canvas, side, side);
  paintStrokes(context, { strokes, pen }, side);
  if (cursor.isShown) paintCursor(context, cursor, side, pen);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Cursor} cursor
 * @param {number} side
 * @param {number} pen
 */
function paintCursor(context, { at: [x, y], isDown }, side, pen) {
  context.strokeStyle = cssColor("focus");
  context.fillStyle = cssColor("focus");
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x * side, y * side, (pen / 2) * side + 3, 0, 2 * Math.PI);
  context.stroke();
  if (isDown) context.fill();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{strokes: Point[][], pen: number}} drawing
 * @param {number} side of the frame in CSS pixels
 */
export function paintStrokes(context, { strokes, pen }, side) {
  context.strokeStyle = cssColor("ink");
  context.lineWidth = pen * side;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    const [first = /** @type {Point} */ ([0, 0]), ...rest] = stroke;
    context.beginPath();
    context.moveTo(first[0] * side, first[1] * side);
    for (const [x, y] of rest.length ? rest : [first]) context.lineTo(x * side, y * side);
    context.stroke();
  }
}
