/**
 * The stage of the explain page: what the current step reads and writes, as pictures. Small networks are drawn with all
 * their numbers; large ones are looked at from afar and then closer, down to a single cell. What is pinned decides how
 * close; the trail of names above the pictures leads back.
 */

import { cellSymbol, routeOf } from "./chain.js";
import { element, onWidth } from "./element.js";
import { imageRef, imagesOf, readImageRef } from "./maps.js";
import { kindred, mapLevel, unitOnMaps } from "./mapviews.js";
import { MESSAGES, text } from "./messages.js";
import { outputOf, trueCell, trueClass, valueAt } from "./network.js";
import { columnsOf, nodelink } from "./nodelink.js";
import { format } from "./numbers.js";
import { followersInStep, opParts } from "./opviews.js";
import { openedAt } from "./opened.js";
import { boundaryParts } from "./plane.js";
import { linearBehind, strongestRoute } from "./route.js";
import { markLinked, writeRef } from "./selection.js";
import { STAGE_MESSAGES } from "./stagewords.js";
import { storyOfCell } from "./updateviews.js";
import { wiggleParts } from "./wiggle.js";
import { movingWindow } from "./windows.js";
import { cellLevel, inputName, mapsBehind, unitGradientLevel, unitLevel } from "./zoom.js";

/** @import {Selected, selection} from "./selection.js" */
/** @import {Op, Tensor, Trace} from "./trace.js" */
/** @import {Part, StageContext} from "./zoom.js" */
/** What the reader looks at closely, and the operation of the step through which. @typedef {{tensor: Tensor, cell: number[], op: Op, level: "unit" | "unitgradient" | "map" | "cell"}} Focus */

const PASSING = new Set(["full_like", "transpose", "cast", "reshape", "get_item", "broadcast_to", "identity", "greater", "one_hot"]);
const MOST_LINKED = 4096;
const MOST_SAMPLES = 12;
const COLUMN_GAP = 32;

/**
 * @param {Trace} trace
 * @param {typeof selection} store
 * @returns {{node: HTMLElement, update: () => void, lay: (columns: number, sizes?: {paper?: number, room?: number}) => void,
 *   stepBack: () => void}} `lay` draws the pictures in so many columns of the node, for a width of paper, with so much room
 *   for each downwards; `stepBack` goes one level up from the number that was opened
 */
export function stage(trace, store) {
  Object.assign(MESSAGES, STAGE_MESSAGES);
  const trail = element("nav", { class: "stage-trail", "aria-label": text("stage.trail") });
  const body = element("div", { class: "stage-body" });
  const node = element("div", { class: "stage", "data-testid": "stage" }, trail, body);
  /** @type {Part[]} */
  let parts = [];
  let shown = "";
  let pinned = "";
  let width = 640;
  let columns = 1;
  /** @type {number | undefined} */
  let room;
  let above = ""; // what is pinned one level up
  let opened = ""; // the single number that is shown

  const update = () => {
    const selected = store.get();
    if (selected.pinned !== pinned) {
      pinned = selected.pinned;
      store.set({ route: routeThrough(trace, selected, pinned) }); // calls again if it leads elsewhere
    }
    const key = JSON.stringify([selected.step, selected.granularity, selected.pinned, selected.route, width, room]);
    if (key !== shown) {
      shown = key;
      const context = { ...contextOf(trace, store, width), ...(room ? { room } : {}) };
      const focus = focusOf(trace, context);
      const stops = trailStops(context, focus);
      above = stops.at(-2)?.ref ?? "";
      trail.replaceChildren(trailNode(context, stops), routeNode(context));
      opened = focus?.level === "cell" ? writeRef(focus.tensor.ref, focus.cell) : "";
      parts = stageParts(context, focus);
      body.replaceChildren(...parts.map((part) => part.node));
      node.dataset.level = focus?.level ?? "overview";
    }
    markLinked(node, selected);
    const linked = linkedRefs(trace, selected.ref || opened || trace.view(selected).ref);
    for (const { mark } of parts) mark?.(linked);
  };
  const layIn = (/** @type {number} */ available) => {
    width = Math.floor((available - (columns - 1) * COLUMN_GAP) / columns);
    update();
  };
  update();
  onWidth(node, () => layIn(node.clientWidth)); // measured as `lay` does: with one width, nothing is drawn twice
  return {
    node,
    update,
    lay(count, sizes = {}) {
      [columns, room] = [count, sizes.room];
      body.dataset.columns = String(columns);
      if (node.clientWidth) layIn(sizes.paper ?? node.clientWidth);
    },
    stepBack: () => store.set({ pinned: store.get().pinned && above }),
  };
}

/**
 * @param {Trace} trace
 * @param {typeof selection} store
 * @param {number} width
 * @returns {StageContext}
 */
function contextOf(trace, store, width) {
  const selected = store.get();
  return {
    trace, selected, width, view: trace.view(selected), route: routeOf(trace, selected), sample: trace.sampleOf(selected), image: trace.meta.image ?? null,
    point: (ref) => store.set({ ref: ref ?? "" }),
    pick: (ref) => store.set({ pinned: ref }),
    follow: (sample) => store.set({ pinned: "", route: strongestRoute(trace, { sample }) }),
  };
}

/**
 * The route once a number was chosen: unchanged if that lies on it, else the strongest one through it.
 * @param {Trace} trace
 * @param {Readonly<Selected>} selected
 * @param {string} ref
 */
function routeThrough(trace, selected, ref) {
  const route = routeOf(trace, selected);
  const found = trace.cell(ref) ?? trace.cellOfImage(ref, route);
  if (!found) return route;
  const forward = trace.sourceOf(found.tensor);
  const own = writeRef((trace.versionOf(forward, 0) ?? forward).ref, found.cell);
  if (route.includes(own) || (forward.role !== "param" && forward.role !== "act" && forward.role !== "input")) return route;
  const sample = forward.axes[0] === "N" ? found.cell[0] : trace.sampleOf(selected);
  const through = strongestRoute(trace, { sample, through: own });
  return through.includes(own) ? through : route;
}

// ---------------------------------------------------------------- how close

/**
 * What is looked at closely in the current step: the pinned number, or its gradient, or its other version, if the step
 * reads or writes that; on a tour from number to number the one of this stop; null for the whole step.
 * @param {Trace} trace
 * @param {StageContext} context
 * @returns {Focus | null}
 */
function focusOf(trace, { view, selected, route }) {
  const image = trace.cellOfImage(selected.pinned, route);
  const found = image ?? trace.cell(selected.pinned) ?? trace.cell(view.moment.ref);
  if (!found) return null;
  const { cell } = found;
  const forward = trace.sourceOf(found.tensor);
  const related = [found.tensor, trace.gradientOf(trace.versionOf(forward, 0) ?? forward), trace.versionOf(forward, 1), trace.versionOf(forward, 0), forward];
  const ops = view.moment.ops;
  for (const tensor of related) {
    if (!tensor || tensor.shape.length !== cell.length) continue;
    const op = ops.find(({ writes }) => writes.includes(tensor)) ?? ops.find(({ reads }) => reads.includes(tensor));
    if (op) return { tensor, cell, op, level: image ? "map" : levelOf(trace, tensor) };
  }
  return null;
}

/**
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @returns {Focus["level"]}
 */
function levelOf(trace, tensor) {
  const forward = trace.sourceOf(tensor);
  if (forward.role !== "act" || !linearBehind(trace, forward)) return "cell";
  return tensor === forward ? "unit" : "unitgradient";
}

/**
 * @param {StageContext} context
 * @param {Focus | null} focus
 * @returns {Part[]}
 */
function stageParts(context, focus) {
  const { trace, view } = context;
  const small = columnsOf(trace) !== null;
  if (!focus) return small ? smallParts(context) : overviewParts(context);
  const drawing = small ? [nodelinkPart(context)] : [];
  const { tensor, cell, level, op } = focus;
  const opened = level === "cell" ? openedAt(context, tensor) : null;
  if (opened) return [...opened, ...cellLevel(context, tensor, cell).slice(0, 1)];
  if (level === "map" && op.phase !== "update") return mapLevel(context, tensor, cell);
  if (level === "map") return opParts(context, op);
  const writer = trace.opWriting(tensor);
  const working = writer && imagesOf(tensor) && view.moment.ops.includes(writer) && writer.phase !== "update" ? mapLevel(context, sumBehind(trace, writer).writes[0], cell, true) : [];
  const closer = [...storyOfCell(context, op, cell), ...cellLevel(context, tensor, cell), ...wiggleParts(context, tensor, cell)];
  const linear = linearBehind(trace, trace.sourceOf(tensor));
  const unit = cell.at(-1) ?? 0;
  const maps = linear && mapsBehind(trace, linear.reads[0]);
  if (level === "unit" && linear && maps?.data) return [unitOnMaps(context, linear, unit, maps), ...unitLevel(context, linear, unit).slice(1)];
  if (level === "unit" && linear) return [...drawing, ...unitLevel(context, linear, unit)];
  if (level === "unitgradient" && linear) return [...drawing, ...unitGradientLevel(context, linear, unit), ...closer];
  return [...drawing, ...working, ...closer];
}

/**
 * The convolution of which an activation is a function cell by cell; any other operation itself.
 * @param {Trace} trace
 * @param {Op} op
 * @returns {Op}
 */
function sumBehind(trace, op) {
  const before = op.phase === "forward" && !movingWindow(op) && String(op.reads[0]?.shape) === String(op.writes[0].shape) ? trace.opWriting(op.reads[0]) : null;
  return before && before.path === op.path ? sumBehind(trace, before) : op;
}

// ---------------------------------------------------------------- the whole step

/**
 * @param {StageContext} context
 * @returns {Part[]}
 */
function overviewParts(context) {
  const { moment, op } = context.view;
  const drawn = new Set(moment.ops.flatMap((one) => followersInStep(context, one)));
  const told = moment.ops.length > 1 ? moment.ops.filter((one) => !PASSING.has(one.op) && !drawn.has(one) && !isTrivial(one)) : moment.ops;
  const once = { ...context, seen: new Set() };
  return (told.length ? told : [op]).flatMap((one) => opParts(once, one));
}

/**
 * 1 / 1 = 1, the mean's share in a batch of one.
 * @param {Op} op
 */
function isTrivial({ phase, reads, writes }) {
  return phase === "backward" && [...reads, ...writes].every(({ data }) => data?.length === 1 && data[0] === 1);
}

/**
 * The pictures of a step whose numbers are all in the drawing above, for who wants the matrices.
 * @param {StageContext} context
 * @returns {Part}
 */
function matricesPart(context) {
  const parts = overviewParts(context);
  const node = element("details", { class: "stage-matrices" }, element("summary", {}, text("stage.matrices")), ...parts.map((part) => part.node));
  return { node, mark: (refs) => parts.forEach(({ mark }) => mark?.(refs)) };
}

/**
 * @param {StageContext} context
 * @returns {Part}
 */
function nodelinkPart(context) {
  const { trace, view, sample, route, width } = context;
  const now = trace.steps.indexOf(view.moment.step);
  const last = view.moment.ops.at(-1)?.id ?? 0;
  const known = (/** @type {Tensor} */ tensor) => {
    const writer = trace.opWriting(tensor);
    if (!writer) return true;
    const step = trace.stepOfOp.get(writer);
    return step === undefined || trace.steps.indexOf(step) < now || (step === view.moment.step && writer.id <= last);
  };
  const classes = trace.meta.classes ?? undefined;
  return { node: nodelink({ trace, width, sample, phase: view.moment.phase, known, route, names: trace.meta.columns ?? undefined, ...(classes ? { classes } : {}) }).node };
}

/**
 * A small network at a glance: the drawing with all numbers, the samples of the batch, and what suits the phase.
 * @param {StageContext} context
 * @returns {Part[]}
 */
function smallParts(context) {
  const { trace, view, route } = context;
  const { phase, ops } = view.moment;
  const parts = [nodelinkPart(context), ...(trace.meta.samples > 1 ? [samplesPart(context)] : [])];
  if (ops.length === 1) return [...parts, ...overviewParts(context)];
  if (phase === "backward") {
    const weight = route.map((ref) => trace.cell(ref)).find((found) => found?.tensor.role === "param" && ops.some(({ writes }) => writes.includes(/** @type {Tensor} */ (trace.gradientOf(found.tensor)))));
    if (weight) parts.push(...wiggleParts(context, weight.tensor, weight.cell));
  }
  if (phase === "update") parts.push(...ops.flatMap((op) => opParts(context, op)));
  if (phase === "forward" || phase === "update") parts.push(...boundaryParts(context));
  return phase === "update" ? parts : [...parts, matricesPart(context)];
}

/**
 * @param {StageContext} context
 * @returns {Part}
 */
function samplesPart({ trace, sample, follow }) {
  const input = /** @type {Tensor} */ (trace.tensors.find(({ role }) => role === "input"));
  const target = trace.tensors.find(({ role }) => role === "target");
  const output = outputOf(trace);
  const count = input.shape[0];
  const names = Array.from({ length: input.shape[1] }, (_, at) => trace.meta.columns?.[at] ?? `x${at + 1}`);
  const head = element("tr", {}, element("th", { scope: "col" }, text("stage.sample")), ...[...names, text("stage.target"), text("stage.output")].map((name) => element("th", { scope: "col" }, name)));
  const rows = Array.from({ length: count }, (_, row) => row).filter((row) => row < MOST_SAMPLES || row === sample).map((row) => {
    const choose = element("button", { type: "button", class: "sample-choice", "aria-pressed": String(row === sample) }, String(row + 1));
    choose.addEventListener("click", () => follow(row));
    const numbers = Array.from({ length: input.shape[1] }, (_, at) => Number(valueAt(input, [row, at])));
    const truth = target?.data && target.data.length === count ? target.data[row] : trueClass(trace, row);
    const answer = Number(valueAt(output, trueCell(trace, output, row)));
    const cells = [...numbers, truth, answer].map((value) => element("td", { class: "number" }, format(value)));
    return element("tr", { class: row === sample ? "is-current" : "" }, element("th", { scope: "row" }, choose), ...cells);
  });
  const table = element("table", { class: "samples-table" }, element("thead", {}, head), element("tbody", {}, ...rows));
  const more = count > rows.length ? [element("p", { class: "view-status" }, text("stage.more", { count: count - rows.length }))] : [];
  const title = element("figcaption", { class: "view-title" }, text("stage.samples"));
  return { node: element("figure", { class: "view samples", "data-testid": "samples" }, title, element("div", { class: "view-scroll" }, table), ...more) };
}

// ---------------------------------------------------------------- the trail

/** @typedef {{label: string, ref: string}} TrailStop */

/**
 * From the whole step to what is looked at: dense, unit 37, W1[300,37].
 * @param {StageContext} context
 * @param {Focus | null} focus
 */
function trailStops(context, focus) {
  const { trace, view } = context;
  /** @type {TrailStop[]} */
  const stops = [{ label: view.moment.title, ref: "" }];
  const unit = focus && unitOf(trace, context, focus);
  if (unit) stops.push(unit);
  const image = focus && imageStop(focus);
  if (image) stops.push(image);
  if (focus && focus.level === "cell") stops.push({ label: cellSymbol(focus.tensor, focus.cell), ref: writeRef(focus.tensor.ref, focus.cell) });
  return stops;
}

/**
 * dense › unit 37 › W1[300,37], each a way back up.
 * @param {StageContext} context
 * @param {TrailStop[]} stops
 */
function trailNode({ pick }, stops) {
  const nodes = stops.map(({ label, ref }, at) => {
    const isLast = at === stops.length - 1;
    const button = element("button", { type: "button", class: "trail-stop", "aria-current": isLast ? "location" : null, disabled: isLast, title: at === stops.length - 2 ? text("stage.out") : null }, label);
    button.addEventListener("click", () => pick(ref));
    return element("li", {}, button);
  });
  return element("ol", { class: "trail-stops" }, ...nodes);
}

/**
 * The map or filter in which a cell lies.
 * @param {Focus} focus
 */
function imageStop({ tensor, cell }) {
  const part = tensor.axes[0] === "N" ? cell[0] : cell[2];
  const images = cell.length === 4 ? imagesOf(tensor, part) : null;
  if (!images) return null;
  return { label: text(images.kind === "map" ? "maps.map" : "maps.filter", { number: String(cell[3]) }), ref: imageRef(images, cell[3]) };
}

/**
 * The unit to which a cell of a weight or of its gradient belongs.
 * @param {Trace} trace
 * @param {StageContext} context
 * @param {Focus} focus
 */
function unitOf(trace, { sample }, { tensor, cell, level }) {
  const forward = trace.sourceOf(tensor);
  const weights = trace.versionOf(forward, 0) ?? forward;
  const op = trace.ops.find(({ phase, op: name, reads, writes }) => phase === "forward" && name === "linear" && (reads.slice(1).includes(weights) || writes[0] === forward));
  if (!op || (level === "cell" && forward.role !== "param")) return null;
  const unit = cell.at(-1) ?? 0;
  const result = op.writes[0];
  return { label: text("stage.unit", { unit: String(unit) }), ref: writeRef(result.ref, [...result.shape.slice(0, -1).map((_, axis) => (axis ? 0 : sample)), unit]) };
}

/**
 * pixel (10, 20) → unit 37 → 4
 * @param {StageContext} context
 */
function routeNode({ trace, route, pick }) {
  const stops = route.filter((ref) => {
    const tensor = trace.tensor(ref);
    const writer = tensor && trace.opWriting(tensor);
    return tensor && (tensor.role === "input" || (tensor.role === "act" && (writer?.op === "linear" || writer?.op === "biased_convolution")));
  });
  const nodes = stops.flatMap((ref, at) => {
    const button = element("button", { type: "button", class: "trail-stop", "data-ref": ref }, routeName(trace, ref, at === stops.length - 1));
    button.addEventListener("click", () => pick(ref));
    return at ? [" → ", button] : [button];
  });
  return element("p", { class: "trail-route", "data-testid": "route" }, text("stage.route"), " ", ...nodes);
}

/**
 * @param {Trace} trace
 * @param {string} ref
 * @param {boolean} isLast
 */
function routeName(trace, ref, isLast) {
  const found = trace.cell(ref);
  if (!found) return ref;
  const unit = found.cell.at(-1) ?? 0;
  if (found.tensor.role === "input") {
    const sizes = found.tensor.shape.slice(1);
    const input = found.cell.slice(1).reduce((position, index, axis) => position * sizes[axis] + index, 0);
    return inputName(trace, input, sizes.reduce((product, size) => product * size, 1));
  }
  if (found.cell.length === 4) return text("maps.place", { number: String(unit), row: String(found.cell[1]), column: String(found.cell[2]) });
  const name = isLast ? trace.meta.classes?.[unit] : undefined;
  return name === undefined ? text("stage.unit", { unit: String(unit) }) : text("stage.class", { name });
}

// ---------------------------------------------------------------- what belongs together

/**
 * A number and the numbers that it was made of.
 * @param {Trace} trace
 * @param {string} ref
 * @returns {string[]}
 */
function linkedRefs(trace, ref) {
  if (readImageRef(ref)) return [ref, ...kindred(trace, ref)];
  const found = trace.cell(ref);
  const op = found && trace.opWriting(found.tensor);
  const worked = op && trace.workCell(op, op.writes.indexOf(found.tensor), found.cell);
  if (!worked) return ref ? [ref] : [];
  const sources = worked.sources.slice(0, MOST_LINKED).map(({ array, cell }) => writeRef(/** @type {Tensor} */ (trace.tensorNamed(op, array)).ref, cell));
  return [ref, ...sources];
}
