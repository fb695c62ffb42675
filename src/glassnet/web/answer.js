/**
 * What the network says: the answer in large type, a bar for each class, and a line below which it says "none of these".
 *
 * @typedef {{name: string, percent: string, isNone: boolean}} Verdict
 */

import { element } from "./element.js";
import { text } from "./messages.js";

const START_THRESHOLD = 50;
const LEAST_WORTH_NAMING = 0.0005;

/**
 * 0.9731 is "97.3 %"; only 1 itself is "100.0 %".
 *
 * @param {number} share
 */
export function percentText(share) {
  const percent = (100 * share).toFixed(1);
  return percent === "100.0" && share < 1 ? ">\u202f99.9\u202f%" : `${percent}\u202f%`;
}

/** @param {string[]} classes */
export function answerView(classes) {
  const bars = classes.map(barOf);
  const line = element("div", { class: "bar-line", "aria-hidden": "true" });
  const name = element("div", { class: "answer-name", "data-testid": "answer" });
  const more = element("div", { class: "answer-more" });
  const threshold = thresholdSlider(() => show(last.probabilities, last.isBlank));
  const rows = [...bars.map(({ label, track, value }) => [label, track, value]), threshold.cells];
  rows.forEach((row, at) => row.forEach((cell) => (cell.style.gridRow = String(at + 1))));
  line.style.gridRow = `1 / span ${rows.length}`;
  const node = element(
    "section", { class: "answer card", "aria-label": text("draw.answer") },
    element("div", { class: "answer-top" }, name, more),
    element("div", { class: "bars" }, ...rows.flat(), line),
    element("p", { class: "doubt" }, text("draw.doubt")),
  );
  let last = { probabilities: /** @type {ArrayLike<number>} */ (classes.map(() => 0)), isBlank: true };

  /**
   * @param {ArrayLike<number>} probabilities
   * @param {boolean} isBlank nothing is drawn yet
   */
  function show(probabilities, isBlank) {
    last = { probabilities, isBlank };
    const order = classes.map((_, at) => at).sort((a, b) => probabilities[b] - probabilities[a]);
    const isNone = !(probabilities[order[0]] >= threshold.share());
    node.classList.toggle("is-blank", isBlank);
    node.classList.toggle("is-none", isNone && !isBlank);
    line.style.setProperty("--share", String(threshold.share()));
    bars.forEach((bar, at) => bar.show(probabilities[at], at === order[0] && !isNone && !isBlank));
    const [title, subtitle] = isBlank ? waitingWords(classes) : verdictWords(classes, probabilities, order, isNone);
    name.textContent = title;
    name.classList.toggle("is-word", title.length > 2);
    more.textContent = subtitle;
  }
  return { node, show, words: () => `${name.textContent}: ${more.textContent}` };
}

/** @param {string[]} classes */
function waitingWords(classes) {
  return [text("draw.waiting", { classes: classes.join(", ") }), text("draw.waiting.more")];
}

/**
 * @param {string[]} classes
 * @param {ArrayLike<number>} probabilities
 * @param {number[]} order
 * @param {boolean} isNone
 */
function verdictWords(classes, probabilities, [best, next], isNone) {
  if (!Number.isFinite(probabilities[best])) return ["?", text("draw.broken")];
  const percent = percentText(probabilities[best]);
  if (isNone) return [text("draw.none"), text("draw.none.more", { name: classes[best], percent })];
  const sure = text("draw.sure", { percent });
  if (next === undefined || probabilities[next] < LEAST_WORTH_NAMING) return [classes[best], sure];
  return [classes[best], `${sure}, ${text("draw.next", { name: classes[next], percent: percentText(probabilities[next]) })}`];
}

/** @param {string} name */
function barOf(name) {
  const fill = element("div", { class: "bar-fill" });
  const label = element("div", { class: "bar-label" }, name);
  const value = element("div", { class: "bar-value" });
  return {
    label,
    value,
    track: element("div", { class: "bar-track" }, fill),
    /** @param {number} share @param {boolean} isBest */
    show(share, isBest) {
      fill.style.width = `${100 * (share || 0)}%`;
      value.textContent = percentText(share);
      for (const part of [label, fill, value]) part.classList.toggle("is-best", isBest);
    },
  };
}

/** @param {() => void} onchange */
function thresholdSlider(onchange) {
  const slider = element("input", { type: "range", min: 0, max: 100, value: START_THRESHOLD, class: "threshold", "aria-label": text("draw.threshold.label"), "data-testid": "threshold" });
  const value = element("output", { class: "bar-value" });
  const update = () => {
    value.textContent = `${slider.value}\u202f%`;
    slider.setAttribute("aria-valuetext", value.textContent);
  };
  slider.addEventListener("input", () => {
    update();
    onchange();
  });
  update();
  return { cells: [element("div", { class: "bar-label threshold-label" }, text("draw.threshold")), slider, value], share: () => Number(slider.value) / 100 };
}
