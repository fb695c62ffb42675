/**
 * The chain rule in numbers: the gradient of one weight as a product of factors, each of which leads to the step that
 * found it. Where many paths join, a sum stands as one factor: the path of the route and one number for all others.
 */

import { element } from "./element.js";
import { MESSAGES, text } from "./messages.js";
import { valueAt } from "./network.js";
import { format } from "./numbers.js";
import { ribbon } from "./ribbon.js";
import { strongestRoute } from "./route.js";
import { addendsOf, readsNumbers } from "./rules.js";
import { markLinked, writeRef } from "./selection.js";
import { STAGE_MESSAGES } from "./stagewords.js";

/** @import {Op, Tensor, Trace} from "./trace.js" */
/** @import {Others} from "./ribbon.js" */
/** @import {Addend, Worked} from "./rules.js" */
/** @import {Selected, selection} from "./selection.js" */
/**
 * One factor: a number somewhere in the trace, or a sum of a product along the route and of all other terms.
 * @typedef {{kind: "number", label: string, value: number, tensor: Tensor, cell: number[], ref: string}} NumberFactor
 * @typedef {Omit<NumberFactor, "kind"> & {kind: "sum", along: ChainFactor[], others: Others}} SumFactor
 * @typedef {NumberFactor | SumFactor} ChainFactor
 */

/** The last operation by which a vjp makes a slope: [z > 0], 1 − a². */
const STEPS_TO_SLOPE = new Set(["greater", "cast", "subtract", "where"]);

// ---------------------------------------------------------------- the factors

/**
 * The factors whose product is one cell of a gradient. A factor 1 is left out.
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @param {string[]} route
 * @returns {ChainFactor[]}
 */
function chainFactors(trace, tensor, cell, route) {
  const op = trace.opWriting(tensor);
  const worked = op?.phase === "backward" && !op.insideOf ? trace.workCell(op, op.writes.indexOf(tensor), cell) : null;
  if (!op || !worked) return [numberFactor(trace, tensor, cell)];
  const found = factorsOfNode({ trace, op, tensor, cell, route, tree: worked.tree }, worked.tree);
  const kept = found.filter((factor) => !isPlainOne(factor));
  return kept.length ? kept : found.slice(0, 1);
}

/**
 * The factors that are 1 in every network: ∂L/∂L, and 1/n of a single sample.
 * @param {ChainFactor} factor
 */
function isPlainOne(factor) {
  if (factor.kind === "sum" || factor.value !== 1) return false;
  const { tensor, label } = factor;
  return tensor.role === "const" || label === "1/1" || label === "∂L/∂L";
}

/**
 * The cell that is taken apart; `tree` is all of what computes it.
 * @typedef {{trace: Trace, op: Op, tensor: Tensor, cell: number[], route: string[], tree: Worked}} ChainPlace
 */

/**
 * @param {ChainPlace} place
 * @param {Worked} node
 * @returns {ChainFactor[]}
 */
function factorsOfNode(place, node) {
  const { trace, op, tensor, cell, route } = place;
  switch (node.kind) {
    case "read": {
      const read = trace.tensorNamed(op, node.array);
      if (read && node.cell) return chainFactors(trace, read, node.cell, route);
      break;
    }
    case "binary":
      if (node.operator === "*") return [...factorsOfNode(place, node.left), ...factorsOfNode(place, node.right)];
      if (node.operator === "/") return [...factorsOfNode(place, node.left), inverseFactor(place, node.right)];
      break;
    case "guard":
      if (node.value === 1 && !readsNumbers(node)) return []; // it only says which places the sum has
      break;
    default:
  }
  const paths = isSum(tensor, node) ? pathsOf(place, node) : [];
  if (paths.length > 1) return [sumFactor(place, node, paths)];
  if (paths.length && paths[0].addend.node !== node) return signedFactors(paths[0]);
  const named = numberFactor(trace, tensor, cell);
  const label = node === place.tree ? named.label : text(node.kind === "guard" ? "chain.kept" : "chain.factor_of", { op: op.op });
  return [{ ...named, label, value: node.value }];
}

/**
 * Whether a sum joins paths; 1 − a² is one slope.
 * @param {Tensor} tensor
 * @param {Worked} node
 */
function isSum(tensor, node) {
  return tensor.role === "grad" || node.kind === "reduce";
}

/**
 * One term of a sum of paths, and the cell of whose working it is a part.
 * @typedef {{place: ChainPlace, addend: Addend}} Path
 */

/**
 * The terms of a sum. A term that only reads a sum without a name of its own, as where a weight is used several times,
 * is taken apart as well; one that reads outside an array is no path.
 * @param {ChainPlace} place
 * @param {Worked} node
 * @param {1 | -1} [sign]
 * @returns {Path[]}
 */
function pathsOf(place, node, sign = 1) {
  return addendsOf(node, sign).flatMap((addend) => {
    if (addend.node.kind !== "read") return [{ place, addend }];
    const { array, cell } = addend.node;
    const inner = cell && unnamedPlace(place, place.trace.tensorNamed(place.op, array), cell);
    return inner ? pathsOf(inner, inner.tree, addend.sign) : cell ? [{ place, addend }] : [];
  });
}

/**
 * Where a sum on the way back is computed that is no gradient of a forward tensor; null for any other number.
 * @param {ChainPlace} place
 * @param {Tensor | null} tensor
 * @param {number[]} cell
 * @returns {ChainPlace | null}
 */
function unnamedPlace({ trace, route }, tensor, cell) {
  const op = tensor && tensor.of === null ? trace.opWriting(tensor) : null;
  const worked = tensor && op?.phase === "backward" && !op.insideOf ? trace.workCell(op, op.writes.indexOf(tensor), cell) : null;
  return tensor && op && worked && isSum(tensor, worked.tree) ? { trace, op, tensor, cell, route, tree: worked.tree } : null;
}

/**
 * @param {Path} path
 * @returns {ChainFactor[]}
 */
function signedFactors({ place, addend: { sign, node } }) {
  const factors = factorsOfNode(place, node);
  return sign === 1 ? factors : [{ ...numberFactor(place.trace, place.tensor, place.cell), label: "−1", value: -1 }, ...factors];
}

/**
 * A sum as one factor: what was recorded, if the sum is all that the operation computes.
 * @param {ChainPlace} place
 * @param {Worked} node
 * @param {Path[]} paths
 * @returns {SumFactor}
 */
function sumFactor({ trace, op, tensor, cell, route, tree }, node, paths) {
  const isOnRoute = (/** @type {Path} */ { place, addend }) => addend.sources.some(({ array, cell: at }) => liesOnRoute(trace, trace.tensorNamed(place.op, array), at, route));
  const largest = paths.reduce((best, path) => (Math.abs(path.addend.value) > Math.abs(best.addend.value) ? path : best));
  const chosen = paths.find(isOnRoute) ?? largest;
  const whole = numberFactor(trace, tensor, cell);
  const named = node === tree ? whole : { ...whole, label: text("chain.sum_of", { op: op.op }), value: node.value };
  return { ...named, kind: "sum", along: signedFactors(chosen), others: othersOf(paths, chosen) };
}

/**
 * All terms of a sum but one, in one number. They are the other samples, where every term is of a sample of its own.
 * @param {Path[]} paths
 * @param {Path} chosen
 * @returns {Others}
 */
function othersOf(paths, chosen) {
  const others = paths.filter((path) => path !== chosen).map(({ addend }) => addend.value);
  const samples = paths.flatMap(({ place: { trace, op }, addend }) => {
    const batched = addend.sources.find(({ array }) => trace.tensorNamed(op, array)?.axes[0] === "N");
    return batched ? [batched.cell[0]] : [];
  });
  return {
    count: others.length,
    value: others.reduce((sum, value) => sum + value, 0),
    size: others.reduce((sum, value) => sum + Math.abs(value), 0),
    kind: new Set(samples).size === paths.length ? "samples" : "paths",
  };
}

/**
 * Whether a cell of a signal or of its gradient is a number of the route. Weights do not count: they join all samples.
 * @param {Trace} trace
 * @param {Tensor | null} tensor
 * @param {number[]} cell
 * @param {string[]} route
 */
function liesOnRoute(trace, tensor, cell, route) {
  if (!tensor) return false;
  const forward = trace.sourceOf(tensor);
  return forward.role !== "param" && route.includes(writeRef(forward.ref, cell));
}

/**
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @returns {NumberFactor}
 */
function numberFactor(trace, tensor, cell) {
  return { kind: "number", label: labelOf(trace, tensor, cell), value: Number(valueAt(tensor, cell)), tensor, cell, ref: writeRef(tensor.ref, cell) };
}

/**
 * @param {ChainPlace} place
 * @param {Worked} divisor
 * @returns {NumberFactor}
 */
function inverseFactor({ trace, tensor, cell }, divisor) {
  return { ...numberFactor(trace, tensor, cell), label: `1/${format(divisor.value)}`, value: 1 / divisor.value };
}

/**
 * What a factor is called: a cell by its symbol, a slope by its function, tanh′(z1).
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @param {number[]} cell
 */
function labelOf(trace, tensor, cell) {
  return slopeName(trace, tensor) ?? cellSymbol(tensor, cell);
}

/**
 * relu′(z1), for the slopes that the backward pass makes on its way; null for any other tensor.
 * @param {Trace} trace
 * @param {Tensor} tensor
 */
export function slopeName(trace, tensor) {
  const writer = trace.opWriting(tensor);
  const through = tensor.of === null && writer?.phase === "backward" && STEPS_TO_SLOPE.has(writer.op) ? writer.backwardOf : null;
  const isOnlyPart = trace.opsReading(tensor).some((reader) => reader.op !== "cast" && reader.backwardOf === through && reader.writes[0].of === null); // 1 − p of p (1 − p)
  if (isOnlyPart) return null;
  return through?.phase === "forward" && through.reads.length === 1 ? `${through.op}′(${through.reads[0].symbol})` : null;
}

// ---------------------------------------------------------------- which gradient

/**
 * The gradient that the ribbon explains at a stop of the tour: of what is pinned, else of the route's weight, else of
 * another number of the route; null where the step finds none of them.
 * @param {Trace} trace
 * @param {Readonly<Selected>} selected
 * @returns {{tensor: Tensor, cell: number[]} | null}
 */
function chainTarget(trace, selected) {
  const { moment } = trace.view(selected);
  if (moment.phase !== "backward") return null;
  const route = routeOf(trace, selected);
  const isWeight = (/** @type {string} */ ref) => Number(trace.tensor(ref)?.role === "param");
  const candidates = [selected.pinned, moment.ref, ...[...route].sort((a, b) => isWeight(b) - isWeight(a))];
  for (const ref of candidates) {
    const found = trace.cell(ref);
    if (!found) continue;
    const gradient = found.tensor.role === "grad" ? found.tensor : trace.gradientOf(trace.versionOf(found.tensor, 0) ?? found.tensor);
    const written = gradient && moment.step.ops.some(({ writes }) => writes.includes(gradient));
    if (written) return { tensor: gradient, cell: found.cell };
  }
  return null;
}

/**
 * The route that the reader chose, or the strongest one.
 * @param {Trace} trace
 * @param {Readonly<Selected>} selected
 */
export function routeOf(trace, selected) {
  return selected.route.length ? selected.route : strongestRoute(trace);
}

/**
 * The stop of the tour at which a number is computed; for inputs and weights the first one that reads them.
 * @param {Trace} trace
 * @param {Readonly<Selected>} selected
 * @param {Tensor} tensor
 */
function momentIndexOf(trace, { granularity, route, step }, tensor) {
  const moments = trace.moments(granularity, route);
  const written = moments.findIndex(({ ops }) => ops.some(({ writes }) => writes.includes(tensor)));
  const read = moments.findIndex(({ ops }) => ops.some(({ reads }) => reads.includes(tensor)));
  return written >= 0 ? written : read >= 0 ? read : step;
}

// ---------------------------------------------------------------- the ribbon

/**
 * One line per sum: the gradient itself, then each factor that is a sum of paths.
 * @typedef {{factors: ChainFactor[], others: Others | null, result: NumberFactor}} ChainLine
 */

/**
 * @param {Trace} trace
 * @param {Tensor} tensor
 * @param {number[]} cell
 * @param {string[]} route
 * @returns {ChainLine[]}
 */
export function chainLines(trace, tensor, cell, route) {
  const factors = chainFactors(trace, tensor, cell, route);
  const only = factors.length === 1 && factors[0].kind === "sum" ? factors[0] : null;
  const result = numberFactor(trace, tensor, cell);
  const lines = [{ factors: only ? only.along : factors, others: only ? only.others : null, result }];
  for (const { factors: listed } of lines) {
    for (const factor of listed) {
      if (factor.kind === "sum") lines.push({ factors: factor.along, others: factor.others, result: { ...factor, kind: "number" } });
    }
  }
  return lines.filter((line) => !isOwnName(line));
}

/**
 * Whether a line says no more than that a number is itself.
 * @param {ChainLine} line
 */
function isOwnName({ factors: [first, ...rest], others, result }) {
  return !rest.length && !others && first.ref === result.ref && first.label === result.label;
}

/**
 * @param {Trace} trace
 * @param {typeof selection} store
 * @returns {{node: HTMLElement, update: () => void}}
 */
export function chain(trace, store) {
  Object.assign(MESSAGES, STAGE_MESSAGES);
  const node = element("section", { class: "chain", "data-testid": "chain", "aria-label": text("chain.label") });
  let shown = "";
  const update = () => {
    const selected = store.get();
    const target = chainTarget(trace, selected);
    const key = target ? `${writeRef(target.tensor.ref, target.cell)} ${routeOf(trace, selected)} ${selected.step}` : "";
    if (key !== shown) node.replaceChildren(...(target ? ribbonsOf(trace, store, target) : []));
    node.hidden = !node.hasChildNodes();
    shown = key;
    markLinked(node, selected);
  };
  update();
  return { node, update };
}

/**
 * @param {Trace} trace
 * @param {typeof selection} store
 * @param {{tensor: Tensor, cell: number[]}} target
 */
function ribbonsOf(trace, store, { tensor, cell }) {
  const go = (/** @type {string} */ ref) => {
    const found = trace.tensor(ref);
    if (!found) return;
    store.set({ step: momentIndexOf(trace, store.get(), found) });
    window.scrollTo({ top: 0 }); // where the step that it leads to begins
  };
  const chip = (/** @type {ChainFactor} */ factor) => ({ name: factor.label, value: factor.value, ref: factor.ref, words: factor.ref });
  return chainLines(trace, tensor, cell, routeOf(trace, store.get())).map(({ factors, others, result }, index) => {
    const name = result.label;
    const isPlain = factors.length === 1 && !others;
    const key = isPlain ? "chain.same" : index ? "chain.part" : others ? `chain.title.${others.kind}` : "chain.title";
    return ribbon({ title: text(key, { name }), factors: factors.map(chip), others, result: chip(result), onpick: go }).node;
  });
}

/**
 * ∂L/∂W1[300,37]: the symbol with the place of the cell; W1@1[300,37] after the update.
 * @param {Tensor} tensor
 * @param {number[]} cell
 */
export function cellSymbol({ symbol, name, version }, cell) {
  const whole = `${symbol || name}${version === 1 ? "@1" : ""}`;
  return cell.length ? `${whole}[${cell.join(",")}]` : whole;
}
