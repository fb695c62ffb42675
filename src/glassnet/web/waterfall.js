/**
 * A sum as a waterfall: its largest terms one by one, all others as one named remainder, the bias, and the total. All
 * numbers are rounded to the same last digit, so that a reader can add them up.
 */

import { element, redrawn } from "./element.js";
import { text } from "./messages.js";
import { comesOut, format } from "./numbers.js";
import { commonDigits, fixed } from "./rounding.js";
import { link } from "./selection.js";

/**
 * @typedef {{ref: string, value: number}} Factor
 * @typedef {{label: string, value: number, factors: Factor[]}} Term
 * @typedef {{label: string, value: number, ref: string | null}} Named
 * @typedef {object} WaterfallOptions
 * @property {string} title
 * @property {Term[]} terms all of them, in any order
 * @property {Named | null} bias
 * @property {Named | null} [bend] what a curve adds to its tangent
 * @property {Named} total the sum as the model stored it
 * @property {number} [count] how many positive and how many negative terms are shown; 8
 * @typedef {{kind: "term" | "rest" | "bias" | "bend" | "total", label: string, value: number, text: string, from: number,
 *   to: number, ref: string | null, factors: Factor[]}} WaterfallRow
 * @typedef {{rows: WaterfallRow[], exponent: number, sign: string}} WaterfallPlan
 */

/**
 * @param {WaterfallOptions} options
 * @returns {{node: HTMLElement, update: (options: Partial<WaterfallOptions>) => void}}
 */
export function waterfall(options) {
  const node = element("figure", { class: "view waterfall" });
  return redrawn(node, options, (options) => {
    const plan = planWaterfall(options);
    const span = spanOf(plan.rows);
    const power = plan.exponent ? element("span", { class: "view-shape" }, text("number.power", { power: format(10 ** plan.exponent) })) : null;
    const body = element("tbody", {}, ...plan.rows.map((row) => rowNode(row, span, plan)));
    node.replaceChildren(element("figcaption", { class: "view-title" }, options.title, power), element("table", { class: "waterfall-table" }, body));
  });
}

/**
 * The rows of a waterfall, top to bottom, with the texts of their numbers and where their bars begin and end.
 *
 * @param {WaterfallOptions} options
 * @returns {WaterfallPlan} `exponent`: the texts are in units of this power of ten; `sign`: "=" where the texts add up
 *   to the last digit, "≠" where not even the full numbers do
 */
export function planWaterfall({ terms, bias, bend = null, total, count = 8 }) {
  const { shown, others } = extremeTerms(terms, count);
  const rest = others.reduce((sum, term) => sum + term.value, 0);
  /** @type {Omit<WaterfallRow, "text" | "from" | "to">[]} */
  const rows = shown.map((term) => ({ kind: "term", ref: null, ...term }));
  if (others.length) rows.push({ kind: "rest", label: text("waterfall.rest", { count: others.length }), value: rest, ref: null, factors: [] });
  if (bias) rows.push({ kind: "bias", factors: [], ...bias });
  if (bend) rows.push({ kind: "bend", factors: [], ...bend });
  rows.push({ kind: "total", factors: [], ...total });
  const { exponent, decimals } = commonDigits(rows.map((row) => row.value));
  const rounded = rows.map((row) => Math.round((row.value / 10 ** exponent) * 10 ** decimals));
  const sum = rounded.slice(0, -1).reduce((whole, part) => whole + part, 0);
  const parts = [...terms, ...rows.filter(({ kind }) => kind === "bias" || kind === "bend")].map(({ value }) => value);
  const isRight = comesOut(parts.reduce((whole, part) => whole + part, 0), total.value, parts.reduce((size, part) => size + Math.abs(part), 0));
  return { rows: placeBars(rows, exponent, decimals), exponent, sign: !isRight ? "≠" : sum === rounded.at(-1) ? "=" : "≈" };
}

/**
 * The `count` largest positive terms, then the `count` most negative ones; terms that are not finite come first, for
 * they decide the sum.
 *
 * @param {Term[]} terms
 * @param {number} count
 */
function extremeTerms(terms, count) {
  const broken = terms.filter((term) => !Number.isFinite(term.value)).slice(0, count);
  const positive = terms.filter((term) => term.value > 0 && term.value < Infinity).sort((a, b) => b.value - a.value);
  const negative = terms.filter((term) => term.value < 0 && term.value > -Infinity).sort((a, b) => a.value - b.value);
  const shown = [...broken, ...positive.slice(0, count), ...negative.slice(0, count)];
  const chosen = new Set(shown);
  return { shown, others: terms.filter((term) => !chosen.has(term)) };
}

/**
 * @param {Omit<WaterfallRow, "text" | "from" | "to">[]} rows
 * @param {number} exponent
 * @param {number} decimals
 * @returns {WaterfallRow[]}
 */
function placeBars(rows, exponent, decimals) {
  let level = 0;
  return rows.map((row) => {
    const from = row.kind === "total" ? 0 : level;
    level = from + row.value;
    return { ...row, from, to: level, text: fixed(row.value / 10 ** exponent, decimals) };
  });
}

/** @param {WaterfallRow[]} rows */
function spanOf(rows) {
  const levels = [0, ...rows.flatMap((row) => [row.from, row.to])].filter(Number.isFinite);
  const [low, high] = [Math.min(...levels), Math.max(...levels)];
  return { low, width: high - low || 1 };
}

/**
 * @param {WaterfallRow} row
 * @param {{low: number, width: number}} span
 * @param {WaterfallPlan} plan
 */
function rowNode(row, span, plan) {
  const sign = row.kind === "total" ? plan.sign : "";
  const label = element("th", { scope: "row", class: "waterfall-label" }, element("span", { class: "waterfall-name" }, row.label));
  if (row.factors.length) label.append(factorsNode(row.factors));
  const number = element("span", { class: "waterfall-number" }, row.text);
  if (row.ref !== null) link(number, row.ref);
  const value = element("td", { class: "waterfall-value" }, sign ? element("span", { class: `waterfall-sign ${sign === "≠" ? "is-bad" : ""}` }, sign) : null, number);
  const track = element("td", { class: "waterfall-track", "aria-hidden": "true" }, barNode(row, span));
  return element("tr", { class: `waterfall-row waterfall-${row.kind}` }, label, track, value);
}

/** @param {Factor[]} factors */
function factorsNode(factors) {
  const numbers = factors.flatMap(({ ref, value }, index) => {
    const number = element("span", { class: "number" }, value < 0 && index ? `(${format(value)})` : format(value));
    link(number, ref);
    return index ? [" · ", number] : [number];
  });
  return element("span", { class: "waterfall-factors" }, ...numbers);
}

/**
 * @param {WaterfallRow} row
 * @param {{low: number, width: number}} span
 */
function barNode(row, span) {
  const share = (/** @type {number} */ level) => (100 * (level - span.low)) / span.width;
  const zero = element("div", { class: "waterfall-zero" });
  zero.style.left = `${share(0)}%`;
  const bar = element("div", { class: `waterfall-bar ${row.value < 0 ? "is-minus" : "is-plus"}` });
  if (Number.isFinite(row.from) && Number.isFinite(row.to)) {
    bar.style.left = `${share(Math.min(row.from, row.to))}%`;
    bar.style.width = `${share(Math.max(row.from, row.to)) - share(Math.min(row.from, row.to))}%`;
  } else bar.classList.add("hatch-not-finite");
  return element("div", { class: "waterfall-lane" }, zero, bar);
}
