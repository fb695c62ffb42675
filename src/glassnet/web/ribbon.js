/**
 * The chain rule as a ribbon: one path from the loss to a weight, factor by factor, and the gradient they multiply to.
 * Where more than one path leads there, the others are one remainder.
 */

import { element, redrawn } from "./element.js";
import { text } from "./messages.js";
import { comesOut, equalsSign, formatSigned, shownValue } from "./numbers.js";
import { link } from "./selection.js";

/**
 * @typedef {{name: string, value: number, ref: string, words?: string}} RibbonFactor `words`: what the factor is
 * @typedef {{count: number, value: number, size: number, kind: "paths" | "samples"}} Others `size`: the sum of their
 *   magnitudes; `kind`: what they are
 * @typedef {object} RibbonOptions
 * @property {string} [title]
 * @property {RibbonFactor[]} factors from the loss backwards
 * @property {Others | null} others what all other paths add
 * @property {RibbonFactor} result the stored gradient
 * @property {number} [current] the factor whose step is shown
 * @property {(ref: string, index: number) => void} [onpick]
 */

/**
 * @param {RibbonOptions} options
 * @returns {{node: HTMLElement, update: (options: Partial<RibbonOptions>) => void}}
 */
export function ribbon(options) {
  const node = element("figure", { class: "view ribbon" });
  return redrawn(node, options, (options) => {
    const focused = node.querySelector("button:focus")?.getAttribute("data-ref");
    node.replaceChildren(element("figcaption", { class: "view-title" }, options.title ?? text("ribbon.title")), ribbonLine(options));
    Array.from(node.querySelectorAll("button")).find((chip) => chip.dataset.ref === focused)?.focus();
  });
}

/**
 * What the numbers of a ribbon come to as a reader would multiply and add them, and the sign before the result: "≠"
 * where even the full numbers do not give it.
 *
 * @param {Pick<RibbonOptions, "factors" | "others" | "result">} options
 * @returns {{product: number, shown: number, sign: string}} `product` of the full numbers of the route
 */
export function planRibbon({ factors, others, result }) {
  const multiply = (/** @type {(value: number) => number} */ read) => factors.reduce((product, factor) => product * read(factor.value), 1);
  const shown = multiply((value) => shownValue(value)) + (others ? shownValue(others.value) : 0);
  const product = multiply((value) => value);
  const isRight = comesOut(product + (others?.value ?? 0), result.value, Math.abs(product) + (others?.size ?? 0));
  return { product, shown, sign: isRight ? equalsSign(shown, result.value) : "≠" };
}

/** @param {RibbonOptions} options */
function ribbonLine(options) {
  const { factors, others, result, current, onpick } = options;
  const line = element("ol", { class: "ribbon-line" });
  const add = (/** @type {string} */ sign, /** @type {HTMLElement} */ part) =>
    line.append(element("li", { class: "ribbon-part" }, sign ? element("span", { class: `ribbon-sign ${sign === "≠" ? "is-bad" : ""}` }, sign) : null, part));
  factors.forEach((factor, index) => {
    add(index ? "·" : "", chipNode(factor, index === current, () => onpick?.(factor.ref, index)));
  });
  if (others) {
    const name = text(`ribbon.${others.kind}`, { count: others.count });
    add("+", element("span", { class: "ribbon-chip ribbon-others" }, chipText(name, others.value)));
  }
  add(planRibbon(options).sign, chipNode(result, false, () => onpick?.(result.ref, factors.length), "ribbon-result"));
  return line;
}

/**
 * @param {RibbonFactor} factor
 * @param {boolean} isCurrent
 * @param {() => void} pick
 * @param {string} [role]
 */
function chipNode({ name, value, ref, words }, isCurrent, pick, role = "") {
  const attributes = { type: "button", class: `ribbon-chip ${role}`, "aria-current": isCurrent ? "step" : null, title: words };
  const chip = element("button", attributes, chipText(name, value));
  chip.addEventListener("click", pick);
  return link(chip, ref);
}

/**
 * @param {string} name
 * @param {number} value
 */
function chipText(name, value) {
  const number = element("span", { class: "ribbon-number" }, formatSigned(value));
  const whole = name.replace(/([−+·=]) /g, "$1\u00a0"); // a line may end before a sign, not after it
  return element("span", { class: "ribbon-text" }, element("span", { class: "ribbon-name" }, whole), number);
}
