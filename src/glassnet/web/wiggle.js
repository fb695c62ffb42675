/**
 * The gradient without calculus: the loss was computed anew with one weight a little smaller and a little larger. The
 * slope of that curve is the gradient.
 */

import { cellSymbol } from "./chain.js";
import { chart } from "./chart.js";
import { element } from "./element.js";
import { text } from "./messages.js";
import { format, formatSigned } from "./numbers.js";
import { writeRef } from "./selection.js";

/** @import {Tensor, Trace, Wiggle} from "./trace.js" */
/** @import {Part, StageContext} from "./zoom.js" */

/** By how much a weight is raised in the sentence below the curve: so little that the curve is its tangent there. */
const TRIED = 0.001;

/**
 * The wiggle of a weight, if the page has one of finite numbers; the weight may be given by its gradient or its new version.
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @returns {{wiggle: Wiggle, weight: Tensor} | null}
 */
function wiggleOf(trace, tensor, cell) {
  const forward = trace.sourceOf(tensor);
  const weight = trace.versionOf(forward, 0) ?? forward;
  const wiggle = trace.wiggle.find((one) => one.tensor === weight.id && String(one.cell) === String(cell) && one.losses.every(Number.isFinite));
  return wiggle ? { wiggle, weight } : null;
}

/**
 * @param {StageContext} context
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @returns {Part[]}
 */
export function wiggleParts({ trace, pick }, tensor, cell) {
  const found = wiggleOf(trace, tensor, cell);
  if (found) return [{ node: wiggleNode(found.weight, found.wiggle) }];
  const forward = trace.sourceOf(tensor);
  if (forward.role !== "param" || !trace.wiggle.length) return [];
  const others = trace.wiggle.map((one) => {
    const weight = trace.tensors[one.tensor];
    const button = element("button", { type: "button", class: "closeup-link", "data-ref": writeRef(weight.ref, one.cell) }, cellSymbol(weight, one.cell));
    button.addEventListener("click", () => pick(writeRef(weight.ref, one.cell)));
    return button;
  });
  return [{ node: element("section", { class: "wiggle-others" }, element("p", { class: "stage-words" }, text("wiggle.others")), ...others) }];
}

/**
 * @param {Tensor} weight
 * @param {Wiggle} wiggle
 */
function wiggleNode(weight, { cell, values, losses, slope, difference }) {
  const name = cellSymbol(weight, cell);
  const middle = (values.length - 1) / 2;
  const view = chart({
    title: text("wiggle.title", { name }),
    series: [{ name: "L", points: values.map((value, at) => [value, losses[at]]) }],
    x: name,
    y: text("wiggle.loss"),
    tangent: { x: values[middle], y: losses[middle], slope, label: text("wiggle.slope", { slope: formatSigned(slope) }) },
    height: 240,
  });
  const key = difference > 0 ? "wiggle.rises" : difference < 0 ? "wiggle.falls" : "wiggle.stays";
  const words = element("p", { class: "stage-words" }, text(key, { name, step: format(TRIED), change: format(Math.abs(difference * TRIED)) }));
  const numbers = element(
    "dl", { class: "update-entries", "data-testid": "wiggle-numbers" },
    entryNode(text("wiggle.analytic"), slope), entryNode(text("wiggle.difference"), difference),
  );
  return element("section", { class: "wiggle", "data-testid": "wiggle" }, view.node, words, numbers);
}

/**
 * @param {string} name
 * @param {number} value
 */
function entryNode(name, value) {
  return element("div", { class: "update-entry" }, element("dt", {}, name), element("dd", {}, element("span", { class: "frame role-grad", "data-value": value }, formatSigned(value))));
}
