/**
 * The page to draw on: paper, what becomes of the drawing, the numbers of every layer, and the answer.
 *
 * @typedef {import("./forwardpass.js").ForwardTrace & {output: number, layers: {path: string, tensor: number}[]}} DrawTrace
 * @typedef {import("./digit.js").Form & {subject: "digit" | "garment"}} DrawForm
 * @typedef {{classes: string[], maxValue: number, form: DrawForm}} DrawFacts
 * @typedef {import("./digit.js").Point} Point
 */

import { answerView } from "./answer.js";
import { positionOf } from "./arrays.js";
import { pixelsOf, stagesOf } from "./digit.js";
import { drawPad } from "./drawpad.js";
import { DRAW_MESSAGES } from "./drawwords.js";
import { element } from "./element.js";
import { compileForward } from "./forwardpass.js";
import { heat } from "./heat.js";
import { MESSAGES, text } from "./messages.js";
import { limitOf } from "./scale.js";
import { stageStrip } from "./stagestrip.js";
import { themeSwitch } from "./themeswitch.js";
import { firstLayer, unitLook } from "./unitlook.js";

const LAYER_SIDE = 196;
const SCRIBBLE_POINTS = 14;
const WIDEST_PEN = 2.5;

/**
 * @param {DrawTrace} trace
 * @param {DrawFacts} facts
 */
async function drawPage(trace, { classes, maxValue, form }) {
  Object.assign(MESSAGES, DRAW_MESSAGES);
  const network = await compileForward(trace);
  const output = network.tensors[trace.output];
  const status = element("div", { class: "visually-hidden", "aria-live": "polite" });
  const answer = answerView(classes);
  const strip = stageStrip(form, maxValue, () => look(true));
  const layers = layerViews(trace, network.tensors, form.size, maxValue);
  const pad = drawPad({
    label: text(`draw.pad.${form.subject}`),
    pen: form.pen,
    onchange: ({ ended }) => schedule(ended),
    onpen: (isDown) => (status.textContent = text(isDown ? "draw.pen.down" : "draw.pen.up")),
  });
  const hint = element("div", { class: "paper-hint", "aria-hidden": "true" }, text(`draw.hint.${form.subject}`));
  let pen = form.pen;
  let pixels = /** @type {Float64Array} */ (new Float64Array(form.size ** 2));

  /** @param {Float64Array} next */
  const predict = (next) => {
    network.run((pixels = next));
    return Array.from(output.data);
  };
  /** Everything from the strokes to the answer. @param {boolean} ended */
  const look = (ended) => {
    const strokes = pad.strokes();
    const stages = stagesOf(strokes, pen, form, strip.switches);
    const probabilities = predict(pixelsOf(stages[stages.length - 1].drawing, form.size).map((share) => Math.round(share * maxValue)));
    strip.show(stages, pixels);
    layers.show();
    answer.show(probabilities, strokes.length === 0);
    hint.hidden = strokes.length > 0;
    if (ended) status.textContent = answer.words();
  };
  const schedule = oncePerFrame(look);
  const tools = toolbar(pad, form, (width) => {
    pen = width;
    pad.setPen(width);
  });

  /** @type {HTMLElement} */ (document.getElementById("page")).append(
    heading(trace, form),
    element("div", { class: "desk" }, element("section", { class: "desk-paper" }, element("div", { class: "paper" }, pad.node, hint), tools, element("p", { id: "pad-help", class: "small" }, text("draw.keys"))), answer.node),
    section("draw.stages", text("draw.stages.more"), strip.node),
    section("draw.network", text("draw.network.more"), layers.node),
    status,
  );
  look(false);
  Object.assign(window, { __glass: { predict: (/** @type {number[]} */ values) => predict(Float64Array.from(values)), pixels: () => Array.from(pixels), draw: pad.replace, look } });
}

/**
 * Calls `work` at most once per frame of the screen, however often the pen moves.
 *
 * @param {(ended: boolean) => void} work
 * @returns {(ended: boolean) => void}
 */
function oncePerFrame(work) {
  let [isWaiting, hasEnded] = [false, false];
  return (ended) => {
    hasEnded ||= ended;
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      const last = hasEnded;
      [isWaiting, hasEnded] = [false, false];
      work(last);
    });
  };
}

/**
 * @param {DrawTrace} trace
 * @param {DrawForm} form
 */
function heading(trace, { subject, size }) {
  const sizes = trace.layers.map(({ tensor }) => String(trace.tensors[tensor].shape.at(-1)));
  return element(
    "header", { class: "draw-head" },
    element("div", { class: "draw-title" }, element("h1", {}, text(`draw.title.${subject}`)), themeSwitch()),
    element("p", { class: "lead" }, text("draw.lead", { layers: sizes.join(" → "), size: String(size) })),
  );
}

/**
 * @param {string} key
 * @param {string} more
 * @param {HTMLElement} content
 */
function section(key, more, content) {
  return element("section", { class: "draw-section" }, element("h2", {}, text(key)), element("p", { class: "section-more" }, more), content);
}

/**
 * @param {ReturnType<typeof drawPad>} pad
 * @param {DrawForm} form
 * @param {(width: number) => void} onpen
 */
function toolbar(pad, form, onpen) {
  /** @param {string} name @param {() => void} act */
  const button = (name, act) => {
    const made = element("button", { type: "button", "data-testid": name }, text(`draw.${name}`));
    made.addEventListener("click", act);
    return made;
  };
  const pen = element("input", { type: "range", min: 0.5 * form.pen, max: WIDEST_PEN * form.pen, step: "any", value: form.pen });
  pen.addEventListener("input", () => onpen(Number(pen.value)));
  return element(
    "div", { class: "tools" },
    button("undo", pad.undo), button("clear", pad.clear), button("scribble", () => pad.replace([scribble()])),
    form.line ? null : element("label", { class: "pen-width" }, text("draw.pen"), pen),
  );
}

/** A line without meaning, for whoever believes in percentages. @returns {Point[]} */
function scribble() {
  const corners = Array.from({ length: SCRIBBLE_POINTS }, () => /** @type {Point} */ ([0.15 + 0.7 * Math.random(), 0.15 + 0.7 * Math.random()]));
  return corners.flatMap(([x, y], at) => {
    const [nextX, nextY] = corners[at + 1] ?? [x, y];
    return [0, 0.25, 0.5, 0.75].map((part) => /** @type {Point} */ ([x + part * (nextX - x), y + part * (nextY - y)]));
  });
}

/**
 * The pixels and the numbers of every layer as pictures, and a look at one unit of the first layer. A colour means the
 * same number as long as the page is open: scales only ever grow.
 *
 * @param {DrawTrace} trace
 * @param {import("./forwardpass.js").LiveTensor[]} tensors
 * @param {number} size
 * @param {number} maxValue
 */
function layerViews(trace, tensors, size, maxValue) {
  const entry = tensors.find(({ role }) => role === "input") ?? tensors[0];
  const image = [size, size];
  const first = firstLayer(trace.ops, tensors, size * size);
  const look = first && unitLook(first, trace.layers[0].path, tensors[trace.layers[0].tensor], size);
  const input = heat({ array: entry, title: text("draw.layer.pixels", { size: String(size) }), image, kind: "ink", limit: maxValue, width: LAYER_SIDE, height: LAYER_SIDE });
  const views = trace.layers.map(({ path, tensor }, at) => {
    const array = tensors[tensor];
    const isOutput = tensor === trace.output;
    const title = text("draw.layer.units", { layer: path, count: array.data.length });
    const view = heat({ array, title, kind: isOutput ? "probability" : "value", limit: 1, width: LAYER_SIDE, height: LAYER_SIDE, numbers: false,
      onpoint: (ref) => { if (at === 0 && ref) look?.choose(positionOf(array, ref) ?? 0); } });
    let limit = isOutput ? 1 : 0;
    return { node: view.node, show: () => view.update({ array, limit: (limit = Math.max(limit, isOutput ? 1 : limitOf(array.data, "value"))) }) };
  });
  const arrows = [input.node, ...views.map(({ node }) => node)].flatMap((node, at) => (at ? [element("span", { class: "layer-arrow", "aria-hidden": "true" }, "→"), node] : [node]));
  return {
    node: element("div", {}, element("div", { class: "layers" }, ...arrows), look && element("p", { class: "section-more" }, text("draw.network.units", { layer: trace.layers[0].path })), look && look.node),
    show() {
      input.update({ array: entry });
      views.forEach((view) => view.show());
      look?.show();
    },
  };
}

/** @param {string} id */
const stored = (id) => JSON.parse(document.getElementById(id)?.textContent ?? "null");
drawPage(stored("trace"), stored("draw"));
