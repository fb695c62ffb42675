/**
 * The report of a run: how training went, what the network confuses, its worst mistakes, its weights, and how to do it
 * all again. Everything stands in the file; nothing is computed that the run did not find.
 *
 * @typedef {{ref: string, shape: number[], dtype: string, buffer: string}} PayloadTensor
 * @typedef {{sample: number, truth: number, said: number, share: number, image: number}} Judged
 * @typedef {{heading: string, facts: [string, string][], charts: {title: string, y: string, series: import("./chart.js").Series[]}[],
 *   classes: string[] | null, counts: number[][] | null, judged: Judged[], worst: number[], image: number[] | null,
 *   rows: {columns: string[], cells: string[][]} | null, images: PayloadTensor | null, weights: PayloadTensor | null,
 *   biases: PayloadTensor | null, trained: number[] | null, summary: string, commands: string[],
 *   explained: {file: string, words: string} | null}} Report
 */

import { chart } from "./chart.js";
import { confusion } from "./confusion.js";
import { element } from "./element.js";
import { imagegrid } from "./imagegrid.js";
import { MESSAGES, text } from "./messages.js";
import { decode } from "./payload.js";
import { REPORT_MESSAGES } from "./reportwords.js";
import { themeSwitch } from "./themeswitch.js";
import { unitgrid } from "./unitgrid.js";

const THUMBNAIL = 72;

/** @param {Report} report */
async function reportPage(report) {
  Object.assign(MESSAGES, REPORT_MESSAGES);
  const page = /** @type {HTMLElement} */ (document.getElementById("page"));
  page.append(header(report));
  if (report.charts.length) page.append(section("report.curves", element("div", { class: "report-charts" }, ...report.charts.map(curves))));
  const pictures = report.images ? await picturesOf(report, report.images) : null;
  if (report.counts && report.classes) page.append(confusionSection(report, report.counts, report.classes, pictures));
  if (pictures && report.worst.length) page.append(worstSection(report, pictures));
  if (report.rows) page.append(section("report.rows", rowsTable(report.rows)));
  if (report.weights) page.append(section("report.weights", await weightsView(report, report.weights)));
  page.append(section("report.summary", element("pre", { tabindex: 0 }, report.summary)), section("report.again", ...report.commands.map((line) => element("pre", { class: "report-command" }, line))));
}

/** @param {Report} report */
function header({ heading, facts, explained }) {
  const list = facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  const link = explained && element("p", {}, element("a", { href: explained.file }, explained.words));
  return element("header", { class: "report-header" }, element("div", { class: "report-title" }, element("h1", {}, heading), themeSwitch()), element("dl", { class: "report-facts" }, ...list), link);
}

/**
 * @param {string} key of the title; `key.more` says what is to be seen
 * @param {...Node} children
 */
function section(key, ...children) {
  return element("section", { class: "card report-section" }, element("h2", {}, text(key)), element("p", { class: "label" }, text(`${key}.more`)), ...children);
}

/** @param {Report["charts"][number]} one */
function curves({ title, y, series }) {
  return chart({ title, series, x: text("report.epoch"), y }).node;
}

/**
 * The judged samples as pictures with their captions.
 *
 * @param {Report} report
 * @param {PayloadTensor} packed
 * @returns {Promise<import("./imagegrid.js").GridImage[]>}
 */
async function picturesOf({ judged, classes, image }, packed) {
  const data = await decode(packed);
  const size = image ? image[0] * image[1] : 0;
  return judged.map(({ sample, truth, said, share, image: place }) => {
    const names = { sample: String(sample), truth: classes?.[truth] ?? "", said: classes?.[said] ?? "", share: `${(100 * share).toFixed(0)} %` };
    return {
      array: { shape: image ?? [], data: data.subarray(place * size, (place + 1) * size), ref: `sample ${sample}`, role: "input" },
      caption: text(truth === said ? "report.right" : "report.wrong", names),
      note: text("report.note", names),
      words: text(truth === said ? "report.right_words" : "report.wrong_words", names),
      isWrong: truth !== said,
    };
  });
}

/**
 * @param {Report} report
 * @param {number[][]} counts
 * @param {string[]} classes
 * @param {import("./imagegrid.js").GridImage[] | null} pictures
 */
function confusionSection({ judged, image }, counts, classes, pictures) {
  if (!pictures || !image) return section("report.counts", confusion({ counts, classes }).node);
  const behind = element("div", { class: "report-behind", "aria-live": "polite" });
  /** @param {number} truth @param {number} said */
  const open = (truth, said) => {
    table.update({ selected: [truth, said] });
    const images = pictures.filter((_, index) => judged[index].truth === truth && judged[index].said === said);
    const more = counts[truth][said] - images.length;
    const title = text(truth === said ? "confusion.right" : "confusion.wrong", { count: counts[truth][said], truth: classes[truth], said: classes[said] });
    behind.replaceChildren(imagegrid({ title, images, image, size: THUMBNAIL, most: images.length }).node, more > 0 ? element("p", { class: "label" }, text("report.not_kept", { count: more })) : "");
  };
  const table = confusion({ counts, classes, selected: null, onpick: open });
  const most = largestMistake(counts);
  if (most) open(...most);
  return section("report.confusion", element("div", { class: "report-confusion" }, table.node, behind));
}

/**
 * The most frequent mistake: true and predicted class.
 *
 * @param {number[][]} counts
 * @returns {[number, number] | null}
 */
function largestMistake(counts) {
  /** @type {[number, number] | null} */
  let most = null;
  counts.forEach((row, truth) =>
    row.forEach((count, said) => {
      if (truth !== said && count > (most ? counts[most[0]][most[1]] : 0)) most = [truth, said];
    }));
  return most;
}

/**
 * @param {Report} report
 * @param {import("./imagegrid.js").GridImage[]} pictures
 */
function worstSection({ worst, image }, pictures) {
  const images = worst.map((index) => pictures[index]);
  return section("report.worst", imagegrid({ title: "", images, image: image ?? [], size: THUMBNAIL, most: images.length }).node);
}

/** @param {NonNullable<Report["rows"]>} rows */
function rowsTable({ columns, cells }) {
  const head = element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)));
  const body = cells.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell))));
  return element("div", { class: "view-scroll" }, element("table", { class: "report-rows" }, element("thead", {}, head), element("tbody", {}, ...body)));
}

/**
 * @param {Report} report
 * @param {PayloadTensor} packed
 */
async function weightsView({ image, biases, trained }, packed) {
  const kernel = { shape: packed.shape, data: await decode(packed), ref: packed.ref, role: "param" };
  const bias = biases && { shape: biases.shape, data: await decode(biases), ref: biases.ref, role: "param" };
  return unitgrid({ array: kernel, title: text("report.units"), image, biases: bias, trained: trained ?? undefined }).node;
}

reportPage(JSON.parse(document.getElementById("report")?.textContent ?? ""));
