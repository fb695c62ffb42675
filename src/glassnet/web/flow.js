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
  /** @type {Map<string, Tile>} */
  let tiles = new Map();
  const node = element("nav", { class: "view flow", "aria-label": text("flow.label") }, list);
  const bringIntoView = () => {
    const current = list.querySelector(".is-written") ?? list.querySelector(".is-read");
    if (current instanceof HTMLElement) scrollToTile(node, current);
  };
  const view = redrawn(node, options, (options) => {
    const focused = list.querySelector("button:focus")?.getAttribute("data-stage");
    const shown = options.stages.map((stage) => {
      const known = tiles.get(stage.id);
      return known && showsSame(known.stage, stage) ? known : tileOf(stage);
    });
    shown.forEach((tile) => tile.mark(options));
    tiles = new Map(shown.map((tile) => [tile.stage.id, tile]));
    if (shown.length !== list.children.length || shown.some(({ node }, at) => node !== list.children[at])) list.replaceChildren(...shown.map(({ node }) => node));
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
 * A stage in the strip; `mark` shows what the current step does with it.
 * @typedef {{stage: Stage, node: HTMLElement, mark: (options: FlowOptions) => void}} Tile
 */

/**
 * Whether two stages look the same, apart from what the current step does with them.
 *
 * @param {Stage} one
 * @param {Stage} other
 */
function showsSame(one, other) {
  return one.value === other.value && one.gradient === other.gradient && one.title === other.title && one.note === other.note && one.kind === other.kind && one.image === other.image;
}

/**
 * @param {Stage} stage
 * @returns {Tile}
 */
function tileOf(stage) {
  const button = element(
    "button", { type: "button", "data-stage": stage.id },
    element("span", { class: "flow-title" }, stage.title),
    element("span", { class: "flow-picture" }, valueNode(stage)),
    element("span", { class: "flow-shape" }, shapeText(stage.value.shape)),
    shelfNode(stage),
  );
  const arrows = Object.entries({ forward: "→", backward: "←" }).map(([way, sign]) => ({ way, node: element("span", { "aria-hidden": "true" }, sign) }));
  const mark = (/** @type {FlowOptions} */ { read = [], written = [], direction = null, onpick }) => {
    const isWritten = written.includes(stage.id);
    button.className = `flow-tile ${isWritten ? "is-written" : read.includes(stage.id) ? "is-read" : ""}`;
    if (isWritten) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
    button.onclick = () => onpick?.(stage.id);
    for (const { way, node } of arrows) node.className = `flow-arrow flow-${way} ${direction === way ? "is-active" : ""}`;
  };
  return { stage, mark, node: element("li", { class: "flow-stage" }, button, ...arrows.map(({ node }) => node)) };
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
