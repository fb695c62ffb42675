// The step card: always the same seven parts, which are words, shapes, formula, the formula with numbers, code, pictures
// and a check mark.

import { code } from "./code.js";
import { element } from "./element.js";
import { formula, formulaWithNumbers } from "./formula.js";
import { latex } from "./latex.js";
import { lossStory } from "./lossstory.js";
import { text } from "./messages.js";
import { format, formatFull } from "./numbers.js";
import { fixed, sumDecimals } from "./rounding.js";
import { limitOf, scaleKind, themeColor } from "./scale.js";
import { link, readRef, selection, writeRef } from "./selection.js";
import { agrees, sizeOfParts } from "./selfcheck.js";
import { thumbnail } from "./thumbnail.js";

/** @import {Op, Tensor, Trace, View} from "./trace.js" */
/** @import {WorkedCell} from "./rules.js" */
/** @typedef {{trace: Trace, view: View, worked: WorkedCell | null, refs: Record<string, string>,
 *   cells: Record<string, string>, pictures: ReturnType<typeof pictureStore>}} Shown what the parts draw */

const PICTURE = 72;
const TERMS = 4;
const ENOUGH = 4096;
const MOST_PARTS = 40; // of a fused operation; one of more is opened on the stage

/**
 * @param {Trace} trace
 */
export function card(trace) {
  const pictures = pictureStore();
  const place = element("p", { class: "eyebrow card-place" });
  const title = element("h2", { class: "card-title" });
  const tabs = element("div", { class: "card-tabs" });
  const parts = {
    words: element("p", { class: "card-words" }),
    shapes: element("div", { class: "card-shapes" }),
    formula: element("div", { class: "card-formula" }),
    numbers: element("div", { class: "card-numbers" }),
    code: element("div", { class: "card-code" }),
    pictures: element("div", { class: "card-pictures" }),
    check: element("p", { class: "card-check" }),
  };
  const sections = Object.entries(parts).map(([name, body]) => {
    const heading = name === "words" ? null : element("h3", { class: "label" }, text(`card.${name}`));
    return element("section", { class: `card-part card-part-${name}`, "data-part": name, "data-testid": `card-${name}` }, heading, body);
  });
  const node = element("article", { class: "step-card", "aria-label": text("card.label"), "data-testid": "card" }, place, title, tabs, ...sections);
  return {
    node,
    /** @param {View} view */
    update(view) {
      const { moment, op, output, cell } = view;
      const worked = trace.workCell(op, output, cell);
      const shown = { trace, view, worked, refs: refsOf(op), cells: chosenCells(trace, view, worked), pictures };
      place.textContent = text("card.place", { step: String(view.index + 1), count: String(view.count), phase: text(`phase.${moment.phase}`), title: moment.title });
      title.replaceChildren(link(symbolOf(view.tensor), view.tensor.ref), element("span", { class: "card-op" }, op.op));
      tabs.replaceChildren(...tabRows(trace, view));
      parts.words.textContent = wordsOf(trace, view);
      parts.shapes.replaceChildren(...shapeNodes(shown));
      parts.formula.replaceChildren(...formulaNodes(shown));
      parts.numbers.replaceChildren(...numberNodes(shown));
      parts.code.replaceChildren(...codeNodes(shown));
      parts.pictures.replaceChildren(); // so that their canvases are free again
      parts.pictures.append(...pictureNodes(shown));
      parts.check.replaceChildren(...checkNodes(shown));
    },
    /**
     * Symbols and names in the code stand for any cell of their tensor: they follow the cell that is pointed at.
     * @param {string} ref
     */
    follow(ref) {
      const { tensor } = readRef(ref);
      if (!tensor) return;
      for (const symbol of node.querySelectorAll(".card-formula [data-ref], .card-code [data-ref]")) {
        if (readRef(symbol.getAttribute("data-ref") ?? "").tensor === tensor) symbol.setAttribute("data-ref", ref);
      }
    },
  };
}

/** @param {Op} op */
function refsOf({ reads, inputs, writes, outputs }) {
  return Object.fromEntries([...writes.map((tensor, place) => [outputs[place], tensor.ref]), ...reads.map((tensor, place) => [inputs[place], tensor.ref])]);
}

/**
 * The cell that each name stands for: of all that were read, the pinned one, else one on the route, else one of the
 * largest term. A name of which no cell was read stands for its tensor.
 * @param {Trace} trace
 * @param {View} view
 * @param {WorkedCell | null} worked
 */
function chosenCells(trace, { op, output, ref }, worked) {
  const { pinned, route } = selection.get();
  const cells = { ...refsOf(op), [op.outputs[output]]: ref };
  const terms = [...(worked?.addends ?? [])].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const sources = terms.flatMap((term) => term.sources).map(({ array, cell }) => ({ array, ref: writeRef(trace.tensorNamed(op, array)?.ref ?? "", cell) }));
  const wanted = [...sources.filter((source) => source.ref === pinned), ...sources.filter((source) => route.includes(source.ref)), ...sources];
  for (const source of wanted.reverse()) cells[source.array] = source.ref;
  return cells;
}

/**
 * What a moment says in words, at an update also what the loss did; a part of it that was chosen says its own.
 * @param {Trace} trace
 * @param {View} view
 */
function wordsOf(trace, { moment, op }) {
  if (moment.phase === "update" && op === moment.op) return `${moment.words} ${lossStory(trace)}`;
  if (op === moment.op && moment.ops.length > 1) return moment.words;
  if (op.insideOf) return `${text("card.part_of", { op: op.insideOf.op })} ${op.words}`;
  if (!op.backwardOf) return op.words;
  const { op: name, path } = op.backwardOf;
  return `${text(path ? "card.vjp.path" : "card.vjp", { op: name, path })} ${op.words}`;
}

/**
 * W1 as W₁, with its version where it has one.
 * @param {Tensor} tensor
 * @returns {HTMLElement}
 */
function symbolOf({ symbol, name, version }) {
  const pieces = (symbol || name).split(/(?<=\p{L})(\d+)/u).map((piece, place) => (place % 2 ? element("sub", {}, piece) : piece));
  return element("span", { class: "symbol" }, ...pieces, version === null ? null : element("span", { class: "version" }, `@${version}`));
}

// ---------------------------------------------------------------- tabs: the results of this step

/**
 * One button per operation of the moment, and below them the parts of a fused one.
 * @param {Trace} trace
 * @param {View} view
 */
function tabRows(trace, { moment, op }) {
  const chosen = op.insideOf ?? op;
  const rows = [];
  if (moment.ops.length > 1) {
    rows.push(element("div", { class: "tab-row", role: "group", "aria-label": text("card.tabs") }, ...tabButtons(trace, moment.ops, chosen)));
  }
  if (chosen.parts.length) {
    const label = element("span", { class: "label" }, text("card.inside", { op: chosen.op }));
    const shown = chosen.parts.length > MOST_PARTS ? chosen.parts.filter((part) => part === op) : chosen.parts;
    const more = chosen.parts.length - shown.length;
    rows.push(element("div", { class: "tab-row tab-row-inside" }, label, ...tabButtons(trace, shown, op), ...(more ? [element("span", { class: "label" }, text("card.parts", { count: more }))] : [])));
  }
  return rows;
}

/**
 * An operation that passes on what has the same name, such as a cast, shares a button with what made it; other results
 * of one name are numbered.
 * @param {Trace} trace
 * @param {Op[]} ops
 * @param {Op} current
 */
function tabButtons(trace, ops, current) {
  /** @type {{name: string, ops: Op[]}[]} */
  const tabs = [];
  for (const op of ops) {
    const name = String(symbolOf(op.writes[0]).textContent);
    const before = tabs.find((tab) => tab.name === name && tab.ops.some(({ writes }) => op.reads.includes(writes[0])));
    if (before) before.ops.push(op);
    else tabs.push({ name, ops: [op] });
  }
  return tabs.map(({ name, ops: members }, at) => {
    const alike = tabs.slice(0, at).filter((tab) => tab.name === name).length;
    return tabButton(trace, /** @type {Op} */ (members.at(-1)), members.includes(current), alike ? [` (${alike + 1})`] : []);
  });
}

/**
 * @param {Trace} trace
 * @param {Op} op
 * @param {boolean} current
 * @param {string[]} number
 */
function tabButton(trace, op, current, number) {
  const tensor = op.writes[0];
  const node = element("button", { type: "button", class: "tab", "aria-pressed": String(current), title: op.op, "data-op": op.id }, symbolOf(tensor), ...number);
  node.addEventListener("click", () => {
    const { pinned, route } = selection.get();
    selection.set({ pinned: writeRef(tensor.ref, trace.usualCell(tensor, route, pinned)) });
  });
  return node;
}

// ---------------------------------------------------------------- shapes

/** @param {Shown} shown */
function shapeNodes({ view: { op } }) {
  return [...op.reads.map(shapeNode), element("span", { class: "shape-sign" }, "→"), ...op.writes.map(shapeNode)];
}

/** @param {Tensor} tensor */
function shapeNode(tensor) {
  const axes = tensor.shape.flatMap((length, axis) => [
    ...(axis ? ["×"] : []),
    element("span", {}, String(length), element("sub", { class: "axis" }, tensor.axes[axis] ?? "")),
  ]);
  return link(element("span", { class: "shape" }, symbolOf(tensor), axes.length ? element("span", { class: "shape-axes" }, ...axes) : null), tensor.ref);
}

// ---------------------------------------------------------------- formula, and the same with numbers

/** @param {Shown} shown */
function formulaNodes({ trace, view, worked, refs, cells }) {
  const { op } = view;
  const nodes = [];
  const statements = trace.shownStatementsOf(op);
  const tensors = [...op.writes.map((tensor, place) => ({ name: op.outputs[place], tensor })), ...op.reads.map((tensor, place) => ({ name: op.inputs[place], tensor }))];
  const versioned = op.phase === "update";
  const symbols = Object.fromEntries(tensors.map(({ name, tensor: { symbol, version } }) => [name, `${symbol || name}${versioned && version !== null ? `@${version}` : ""}`]));
  const shapes = Object.fromEntries(tensors.map(({ name, tensor }) => [name, tensor.shape]));
  const places = worked && statements.length === 1 ? worked.letters : {};
  if (statements.length) nodes.push(linkedTo(formula(statements, { symbols, refs, shapes, places }), cells));
  else nodes.push(op.formula ? latex(op.formula) : element("p", {}, text("card.no_formula")));
  return op.backwardOf ? [...nodes, ...derivativeNodes(op.backwardOf, view.tensor)] : nodes;
}

/**
 * A formula whose symbols stand for these cells instead of whole tensors.
 * @param {HTMLElement} node
 * @param {Record<string, string>} cells
 */
function linkedTo(node, cells) {
  for (const symbol of node.querySelectorAll("[data-array]")) {
    const twin = /** @type {Element} */ (symbol.cloneNode(true)); // without the links that it had
    symbol.replaceWith(link(twin, cells[symbol.getAttribute("data-array") ?? ""]));
  }
  return node;
}

/**
 * The derivative formulas of the operation through which the error flows; the one for this tensor stands out.
 * @param {Op} forward
 * @param {Tensor} tensor
 */
function derivativeNodes(forward, tensor) {
  if (!forward.gradient.length) return [];
  const lines = forward.gradient.map((line, place) => {
    const node = latex(line);
    node.classList.toggle("is-current", forward.reads[place]?.id === tensor.of);
    return node;
  });
  return [element("div", { class: "card-gradient" }, element("span", { class: "label" }, text("card.gradient", { op: forward.op })), ...lines)];
}

/** @param {Shown} shown */
function numberNodes({ trace, view, worked, refs }) {
  const { tensor, cell } = view;
  const name = link(element("span", { class: "cell-name" }, symbolOf(tensor), cell.length ? `[${cell.join(", ")}]` : ""), view.ref);
  if (!tensor.data) return [element("p", {}, text("card.not_embedded"), " ", statsText(tensor))];
  if (!worked) {
    const value = trace.cell(view.ref)?.value ?? NaN;
    return [element("p", { class: "numbers-line" }, name, " = ", element("span", { class: "number" }, format(value))), element("p", { class: "label" }, text("card.no_numbers"))];
  }
  const numbers = element("div", { class: "numbers-line" }, name, element("span", { class: "numbers-sign" }, "="), formulaWithNumbers(worked, { refs, terms: TERMS }));
  return [numbers, ...roundingNodes(trace, view, worked), ...(view.moment.phase === "update" ? [weightTable(trace, view)] : [])];
}

/**
 * Why the last digits differ, where float32 did not keep all of a result.
 * @param {Trace} trace
 * @param {View} view
 * @param {WorkedCell} worked
 */
function roundingNodes(trace, { tensor, ref }, { value }) {
  const recorded = trace.cell(ref)?.value ?? value;
  if (tensor.dtype !== "float32" || !Number.isFinite(value) || Object.is(Math.fround(value), recorded)) return [];
  const words = text("card.rounding", { recorded: formatFull(recorded, tensor.dtype), value: formatFull(value) });
  return [element("p", { class: "label card-rounding", "data-testid": "rounding" }, words)];
}

/** @param {Tensor} tensor */
function statsText({ stats }) {
  return text("card.stats", { min: format(stats.min), max: format(stats.max), mean: format(stats.mean) });
}

/**
 * A weight before the update, its gradient, the optimizer's state, the change and the weight after it.
 * @param {Trace} trace
 * @param {View} view
 */
function weightTable(trace, { op, tensor, cell }) {
  const weight = trace.sourceOf(tensor);
  const before = trace.versionOf(weight, 0);
  const after = trace.versionOf(weight, 1);
  if (!before?.data || !after?.data) return element("p", {});
  const at = (/** @type {Tensor} */ other) => Number(trace.cell(writeRef(other.ref, cell))?.value);
  const sum = { before: at(before), change: at(after) - at(before), after: at(after) };
  const decimals = sumDecimals([sum]);
  const row = (/** @type {string} */ key, /** @type {Tensor} */ other) => weightRow(text(`card.update.${key}`), symbolOf(other), at(other), other, other.role === "param" ? decimals : null);
  const gradients = op.reads.filter(({ role }) => role === "grad").map((other) => row("gradient", other));
  const states = op.writes.filter(({ role }) => role === "opt").map((other) => row("state", other));
  const change = weightRow(text("card.update.change"), element("span", {}, "Δ", symbolOf({ ...weight, version: null })), sum.change, null, decimals);
  return element("table", { class: "update-table numbers" }, element("tbody", {}, row("before", before), ...gradients, ...states, change, row("after", after)));
}

/**
 * @param {string} label
 * @param {HTMLElement} symbol
 * @param {number} value
 * @param {Tensor | null} tensor null for the change, which no tensor holds
 * @param {number | null} decimals of the numbers that make a sum
 */
function weightRow(label, symbol, value, tensor, decimals) {
  const kind = tensor === null ? "delta" : tensor.role;
  const signed = kind === "grad" || kind === "delta";
  const sign = `${kind === "grad" ? "gradient-" : ""}${value < 0 ? "minus" : "plus"}`;
  return element("tr", { class: `update-${kind}` }, element("th", { scope: "row" }, label), element("td", {}, tensor ? link(symbol, tensor.ref) : symbol),
    element("td", { class: `number ${sign}` }, `${signed && value > 0 ? "+" : ""}${decimals === null ? format(value) : fixed(value, decimals)}`));
}

// ---------------------------------------------------------------- code

/** @param {Shown} shown */
function codeNodes({ view: { op }, cells }) {
  const forward = op.backwardOf;
  const listings = [];
  if (forward?.code.vjp) {
    const cotangent = forward.writes[0].grad === null ? {} : { g: op.reads.find(({ of }) => of === forward.writes[0].id)?.ref ?? "" };
    listings.push(code({ source: forward.code.vjp, title: text("code.vjp"), symbols: withoutEmpty({ ...refsOf(forward), ...cotangent }) }));
  }
  else if (op.code.forward) listings.push(code({ source: op.code.forward, title: text("code.forward"), symbols: cells }));
  for (const kind of /** @type {const} */ (["layer", "user"])) {
    const source = (forward ?? op.insideOf ?? op).code[kind];
    if (source) listings.push(code({ source, title: text(`code.${kind}`), symbols: callerSymbols(forward ?? op.insideOf ?? op, cells) }));
  }
  return listings.map(({ node }) => node);
}

/**
 * In a layer, weights go by the last part of their names.
 * @param {Op} op
 * @param {Record<string, string>} cells
 */
function callerSymbols({ reads }, cells) {
  const refOf = (/** @type {Tensor} */ { ref }) => Object.values(cells).find((cell) => readRef(cell).tensor === ref) ?? ref;
  const weights = reads.filter(({ role }) => role === "param").map((tensor) => [tensor.name.split("/").at(-1) ?? "", refOf(tensor)]);
  return { ...(reads.length ? { inputs: refOf(reads[0]) } : {}), ...Object.fromEntries(weights) };
}

/** @param {Record<string, string>} symbols */
function withoutEmpty(symbols) {
  return Object.fromEntries(Object.entries(symbols).filter(([, ref]) => ref));
}

// ---------------------------------------------------------------- pictures

/** @param {Shown} shown */
function pictureNodes({ trace, view: { op }, pictures }) {
  const reads = op.reads.map((tensor) => pictureNode(pictures(tensor, trace.meta.image), tensor, "is-read"));
  const writes = op.writes.map((tensor) => pictureNode(pictures(tensor, trace.meta.image), tensor, "is-written"));
  return [...reads, element("span", { class: "picture-arrow", "aria-hidden": "true" }, "→"), ...writes];
}

/**
 * @param {Node} inside
 * @param {Tensor} tensor
 * @param {string} state
 */
function pictureNode(inside, tensor, state) {
  const frame = element("span", { class: `frame frame-${tensor.role} ${state}` }, inside);
  return link(element("span", { class: "card-picture" }, frame, element("span", { class: "picture-name" }, symbolOf(tensor))), tensor.ref);
}

/**
 * Small pictures of tensors, each painted once, and anew after the theme has changed.
 * @returns {(tensor: Tensor, image: number[] | null) => Node}
 */
function pictureStore() {
  /** @type {Map<Tensor, {canvas: HTMLCanvasElement, theme: string}>} */
  const painted = new Map();
  return (tensor, image) => {
    const { data, shape, ref, role, axes } = tensor;
    if (!data) return element("span", { class: "picture-number" }, shape.join("×"));
    if (data.length === 1) return element("span", { class: "picture-number" }, format(data[0]));
    const theme = themeColor("surface").join();
    const known = painted.get(tensor);
    if (known && known.theme === theme && !known.canvas.isConnected) return known.canvas;
    const array = { data, shape, ref, role, axes };
    const kind = scaleKind(array, image);
    const canvas = thumbnail({ array, size: PICTURE, image, kind, limit: limitOf(fewOf(data), kind) });
    painted.set(tensor, { canvas, theme });
    return canvas;
  };
}

/**
 * Evenly spaced numbers of a long array: enough to choose its colours by.
 * @param {ArrayLike<number>} data
 */
function fewOf(data) {
  const every = Math.ceil(data.length / ENOUGH);
  return every === 1 ? data : Float64Array.from({ length: Math.floor(data.length / every) }, (_, place) => data[place * every]);
}

// ---------------------------------------------------------------- check

/** @param {Shown} shown */
function checkNodes({ trace, view: { op, output, cell, tensor, ref }, worked }) {
  const found = trace.cell(ref);
  if (!worked || !found || found.value === null) return [text("card.unchecked")];
  const good = agrees(tensor, found.position, worked.value, 0) || agrees(tensor, found.position, worked.value, sizeOfParts(trace, op, output, cell));
  const values = { value: formatFull(worked.value), recorded: formatFull(found.value, tensor.dtype) };
  return [element("span", { class: good ? "is-good" : "is-bad" }, text(good ? "card.agrees" : "card.differs", values))];
}
