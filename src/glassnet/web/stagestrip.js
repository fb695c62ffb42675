/**
 * The way of a drawing to the network's pixels, one picture after each stage; every stage can be switched off.
 *
 * @typedef {import("./digit.js").Form} Form
 * @typedef {import("./digit.js").Drawing} Drawing
 * @typedef {import("./digit.js").StageName} StageName
 */

import { percentText } from "./answer.js";
import { stagesOf } from "./digit.js";
import { paintStrokes } from "./drawpad.js";
import { element } from "./element.js";
import { text } from "./messages.js";
import { cssColor, sizedContext } from "./paint.js";
import { thumbnail } from "./thumbnail.js";

const STAGE_SIDE = 112;

/**
 * @param {Form} form
 * @param {number} maxValue the brightest pixel
 * @param {() => void} onchange a stage was switched on or off
 */
export function stageStrip(form, maxValue, onchange) {
  /** @type {import("./digit.js").Switches} */
  const switches = { straighten: true, crop: true, scale: true, pen: true, centre: true };
  const canvases = new Map(stagesOf([], form.pen, form, switches).map(({ name }) => [name, element("canvas", { class: "stage-picture picture-canvas", "aria-hidden": "true" })]));
  const array = { shape: [1, form.size, form.size], data: new Float64Array(form.size ** 2), ref: "pixels", role: "input" };
  const seen = thumbnail({ array, size: STAGE_SIDE, image: [form.size, form.size], kind: "ink", limit: maxValue });
  /** @type {{name: StageName, drawing: Drawing}[]} */
  let stages = [];
  const paint = () => stages.forEach(({ name, drawing }) => paintStage(/** @type {HTMLCanvasElement} */ (canvases.get(name)), name, drawing, name === "raw" || switches[name] === true));
  canvases.forEach((canvas) => canvas.addEventListener("redraw", paint));

  const tiles = [...canvases].map(([name, canvas]) => {
    if (name === "raw") return stageTile(canvas, element("span", {}, text("draw.stage.raw")), text("draw.stage.raw.more"));
    const box = element("input", { type: "checkbox", checked: true, "data-testid": `switch-${name}` });
    box.addEventListener("change", () => {
      switches[name] = box.checked;
      onchange();
    });
    return stageTile(canvas, element("label", {}, box, text(`draw.stage.${name}`)), stageWords(name, form));
  });
  const end = stageTile(seen, element("span", {}, text("draw.stage.seen")), text("draw.stage.seen.more", { size: form.size, max: maxValue }));
  return {
    node: element("ol", { class: "stages" }, ...tiles, end),
    switches,
    /**
     * @param {{name: StageName, drawing: Drawing}[]} next
     * @param {Float64Array} pixels what the network sees
     */
    show(next, pixels) {
      stages = next;
      paint();
      array.data.set(pixels);
      seen.dispatchEvent(new Event("redraw"));
    },
  };
}

/**
 * @param {HTMLElement} shown
 * @param {HTMLElement} name
 * @param {string} more
 */
function stageTile(shown, name, more) {
  return element("li", { class: "stage" }, element("div", { class: "stage-frame" }, shown), element("div", { class: "stage-name" }, name), element("div", { class: "stage-more" }, more));
}

/**
 * @param {keyof import("./digit.js").Switches} name
 * @param {Form} form
 */
function stageWords(name, { size, box, pen, ink, centre }) {
  const [width, height] = box.map((share) => Math.round(share * size * 2) / 2);
  if (name === "scale") return text("draw.stage.scale.more", { width: String(width), height: String(height) });
  if (name === "pen" && ink !== null) return text("draw.stage.pen.ink", { percent: percentText(ink).replace(".0", "") });
  if (name === "pen") return text("draw.stage.pen.more", { pen: (pen * size).toFixed(1) });
  return text(name === "centre" ? `draw.stage.centre.${centre}` : `draw.stage.${name}.more`);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {StageName} name
 * @param {Drawing} drawing
 * @param {boolean} isOn
 */
function paintStage(canvas, name, drawing, isOn) {
  const context = sizedContext(canvas, STAGE_SIDE, STAGE_SIDE);
  const hasPaper = name !== "raw" && name !== "straighten" && isOn && drawing.strokes.length > 0;
  context.globalAlpha = isOn ? 1 : 0.35;
  if (name === "centre") paintCross(context);
  paintStrokes(context, drawing, STAGE_SIDE);
  if (hasPaper && name !== "centre") paintPaper(context, drawing.paper);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("./digit.js").Paper} paper
 */
function paintPaper(context, { x, y, width, height }) {
  context.strokeStyle = cssColor("accent");
  context.lineWidth = 1.5;
  context.setLineDash([4, 3]);
  context.strokeRect(x * STAGE_SIDE, y * STAGE_SIDE, width * STAGE_SIDE, height * STAGE_SIDE);
}

/** @param {CanvasRenderingContext2D} context */
function paintCross(context) {
  context.fillStyle = cssColor("line");
  context.fillRect(STAGE_SIDE / 2 - 0.5, 0, 1, STAGE_SIDE);
  context.fillRect(0, STAGE_SIDE / 2 - 0.5, STAGE_SIDE, 1);
}
