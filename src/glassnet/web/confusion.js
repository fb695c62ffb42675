/** How often each class was taken for each other one: a table of counts whose cells can be opened. */

import { element, redrawn } from "./element.js";
import { text } from "./messages.js";
import { formatCount } from "./numbers.js";

/**
 * @typedef {object} ConfusionOptions
 * @property {number[][]} counts a row for each true class, a column for each predicted one
 * @property {string[]} classes
 * @property {[number, number] | null} [selected] true and predicted class
 * @property {(truth: number, said: number) => void} [onpick]
 */

/**
 * @param {ConfusionOptions} options
 * @returns {{node: HTMLElement, update: (options: Partial<ConfusionOptions>) => void}}
 */
export function confusion(options) {
  const node = element("div", { class: "view confusion view-scroll view-fading" });
  return redrawn(node, options, (options) => {
    const { counts, classes } = options;
    const worst = Math.max(1, ...counts.flatMap((row, truth) => row.filter((_, said) => said !== truth)));
    const head = element("tr", {}, element("td", { class: "confusion-corner" }, text("confusion.corner")), ...classes.map((name) => element("th", { scope: "col" }, name)));
    const rows = counts.map((row, truth) =>
      element("tr", {}, element("th", { scope: "row" }, classes[truth]), ...row.map((count, said) => cellNode(count, truth, said, worst, options))));
    node.replaceChildren(element("table", { class: "confusion-table" }, element("thead", {}, head), element("tbody", {}, ...rows)));
  });
}

/**
 * One count; a mistake is the redder the more often it was made, what is right is grey.
 *
 * @param {number} count
 * @param {number} truth
 * @param {number} said
 * @param {number} worst the largest count of a mistake
 * @param {ConfusionOptions} options
 */
function cellNode(count, truth, said, worst, { classes, selected, onpick }) {
  const right = truth === said;
  if (!onpick) return element("td", {}, element("span", { class: `confusion-cell ${right ? "is-right" : "is-wrong"}`, style: `--share: ${shareOf(count, right, worst)}` }, count ? formatCount(count) : "·"));
  const words = text(right ? "confusion.right" : "confusion.wrong", { count, truth: classes[truth], said: classes[said] });
  const button = element(
    "button",
    { type: "button", class: `confusion-cell ${right ? "is-right" : "is-wrong"}`, "aria-label": words, "aria-pressed": String(selected?.[0] === truth && selected[1] === said), disabled: count === 0 },
    count ? formatCount(count) : "·",
  );
  button.style.setProperty("--share", shareOf(count, right, worst));
  button.addEventListener("click", () => onpick(truth, said));
  return element("td", {}, button);
}

/**
 * How strong the colour of a cell is.
 *
 * @param {number} count
 * @param {boolean} right
 * @param {number} worst
 */
function shareOf(count, right, worst) {
  return `${Math.round(right ? 14 : 70 * Math.sqrt(count / worst))}%`;
}
