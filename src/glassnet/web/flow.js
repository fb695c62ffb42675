/**
 * The network as a strip of stages: what each stage holds on top, and under it the gradient shelf, which is empty until
 * the backward phase fills it from right to left.
 */

import { element, onWidth, redrawn } from "./element.js";
import { shapeText } from "./heat.js";
import { text } from "./messages.js";
import { format, formatSigned } from "./numbers.js";
import { thumbnail } from "./thumbnail.js";

/**
 * @typedef {import("./arrays.js").ArrayView} ArrayView
 * @typedef {object} Stage
 * @property {string} id
 * @property {string} title
 * @property {ArrayView} value
 * @property {ArrayView | null} gradient null until the backward phase reaches the stage
 * @property {string} [note] why there is none
 * @property {number[] | null} [image]
 * @property {import("./scale.js").ScaleKind} [kind]
 * @typedef {object} FlowOptions
 * @property {Stage[]} stages from the input to the loss
 * @property {string[]} [read] ids of the stages that the current step reads: thin outline
 * @property {string[]} [written] ids of the stages that the current step writes: thick outline
 * @property {"forward" | "backward" | null} [direction] which arrows are at work
 * @property {(id: string) => void} [onpick]
 */

const TILE = 96;
const SHELF = 62;

/**
 * @param {FlowOptions} options
 * @returns {{node: HTMLElement, update: (options: Partial<FlowOptions>) => void}}
 */
export function flow(options) {
  const list = element("ol", { class: "flow-stages" });
  const node = element("nav", { class: "view flow", "aria-label": text("flow.label") }, list);
  const bringIntoView = () => {
    const current = list.querySelector(".is-written") ?? list.querySelector(".is-read");
    if (current instanceof HTMLElement) scrollToTile(node, current);
  };
  const view = redrawn(node, options, (options) => {
    const focused = list.querySelector("button:focus")?.getAttribute("data-stage");
    list.replaceChildren(...options.stages.map((stage) => stageNode(stage, options)));
    if (focused) Array.from(list.querySelectorAll("button")).find((button) => button.dataset.stage === focused)?.focus();
    bringIntoView();
  });
  onWidth(node, bringIntoView);
  return view;
}

/**
 * Brings a tile into the strip's own view, without moving the page.
 *
 * @param {HTMLElement} strip
 * @param {HTMLElement} tile
 */
function scrollToTile(strip, tile) {
  const [outer, inner] = [strip.getBoundingClientRect(), tile.getBoundingClientRect()];
  strip.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
}

/**
 * @param {Stage} stage
 * @param {FlowOptions} options
 */
function stageNode(stage, { stages, read = [], written = [], direction = null, onpick }) {
  const last = stage === stages.at(-1);
  const state = written.includes(stage.id) ? "is-written" : read.includes(stage.id) ? "is-read" : "";
  const button = element(
    "button",
    { type: "button", class: `flow-tile ${state}`, "data-stage": stage.id, "aria-current": state === "is-written" ? "step" : null },
    element("span", { class: "flow-title" }, stage.title),
    element("span", { class: "flow-picture" }, valueNode(stage)),
    element("span", { class: "flow-shape" }, shapeText(stage.value.shape)),
    shelfNode(stage),
  );
  button.addEventListener("click", () => onpick?.(stage.id));
  const arrow = (/** @type {"forward" | "backward"} */ way, /** @type {string} */ sign) =>
    element("span", { class: `flow-arrow flow-${way} ${direction === way ? "is-active" : ""}`, "aria-hidden": "true" }, sign);
  return element("li", { class: "flow-stage" }, button, ...(last ? [] : [arrow("forward", "→"), arrow("backward", "←")]));
}

/**
 * A picture; a single number, such as the loss, is printed.
 *
 * @param {Stage} stage
 */
function valueNode({ value, image, kind }) {
  if (value.data.length === 1) return element("span", { class: "flow-number" }, format(value.data[0]));
  return thumbnail({ array: value, size: TILE, image: image ?? null, ...(kind ? { kind } : {}) });
}

/** @param {Stage} stage */
function shelfNode({ gradient, image, note }) {
  const shelf = element("span", { class: `flow-shelf ${gradient ? "is-filled" : ""}` });
  if (!gradient && note) shelf.append(element("span", { class: "flow-note" }, note));
  else if (!gradient) shelf.append(element("span", { class: "visually-hidden" }, text("flow.empty")));
  else {
    const number = () => element("span", { class: "flow-number" }, formatSigned(gradient.data[0]));
    shelf.append(
      element("span", { class: "flow-tab", "aria-hidden": "true" }, "∂"),
      element("span", { class: "visually-hidden" }, text("flow.filled")),
      gradient.data.length === 1 ? number() : thumbnail({ array: gradient, size: SHELF, image: image ?? null }),
    );
  }
  return shelf;
}
