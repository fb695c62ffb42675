// The page checks itself: random cells of every tensor are computed anew from their sources, in float64, by the rule of
// the operation that wrote them, and compared with what was recorded.

import { indicesOf } from "./arrays.js";

/** @import {Worked} from "./rules.js" */
/** @import {Op, Tensor, Trace} from "./trace.js" */
/**
 * `wrong` are the refs of the first tensors that differ; `unchecked` counts the operations with results that nothing on
 * the page gives anew: they have no rule, or too few numbers are embedded.
 * @typedef {{checked: number, agreed: number, unchecked: number, wrong: string[]}} CheckResult
 */

const CHECKED_CELLS = 200;
const CHECK_SEED = 20260101;
const MOST_NAMED = 5;
/** @type {Record<string, number>} */
const TOLERANCES = { float32: 1e-5, float64: 1e-10 };

/**
 * Checks one operation after the other, giving the page time to breathe in between.
 * @param {Trace} trace
 * @param {(result: CheckResult, done: boolean) => void} report
 */
export async function selfCheck(trace, report) {
  const random = seededRandom(CHECK_SEED);
  /** @type {CheckResult} */
  const result = { checked: 0, agreed: 0, unchecked: 0, wrong: [] };
  let last = performance.now();
  for (const op of trace.ops) {
    checkOp(trace, op, random, result);
    if (performance.now() - last < 12) continue;
    report(result, false);
    await new Promise((resolve) => setTimeout(resolve));
    last = performance.now();
  }
  report(result, true);
}

/**
 * @param {Trace} trace
 * @param {Op} op
 * @param {() => number} random
 * @param {CheckResult} result
 */
function checkOp(trace, op, random, result) {
  const kernels = trace.kernelsOf(op).filter(({ output }) => op.writes[output].data !== null);
  if (kernels.length < op.writes.length) result.unchecked += 1;
  for (const { output, kernel } of kernels) {
    const tensor = op.writes[output];
    let agreed = 0;
    const positions = chosenPositions(tensor.data?.length ?? 0, random);
    for (const position of positions) {
      const cell = indicesOf(position, tensor.shape);
      const found = kernel.cell(cell);
      const close = agrees(tensor, position, found, 0) || agrees(tensor, position, found, sizeOfParts(trace, op, output, cell));
      agreed += close ? 1 : 0;
    }
    result.checked += positions.length;
    result.agreed += agreed;
    if (agreed < positions.length && result.wrong.length < MOST_NAMED) result.wrong.push(tensor.ref);
  }
}

/**
 * Whether a recomputed number is the recorded one, but for rounding. What is added up to a small sum has errors of the
 * size of its parts; what is beyond the recorded type became infinite there.
 * @param {Tensor} tensor
 * @param {number} position
 * @param {number} found
 * @param {number} parts magnitude of what was added up
 */
export function agrees({ data, dtype }, position, found, parts) {
  const recorded = /** @type {ArrayLike<number>} */ (data)[position];
  const rounded = dtype === "float32" ? Math.fround(found) : found;
  if (Object.is(rounded, recorded) || rounded === recorded) return true;
  const size = Math.max(Math.abs(recorded), parts);
  return Number.isFinite(recorded) && Number.isFinite(rounded) && Math.abs(found - recorded) <= (TOLERANCES[dtype] ?? 0) * size;
}

/**
 * @param {Trace} trace
 * @param {Op} op
 * @param {number} output
 * @param {number[]} cell
 */
export function sizeOfParts(trace, op, output, cell) {
  const worked = trace.workCell(op, output, cell);
  return worked ? magnitude(worked.tree) : 0;
}

/**
 * What a result would be if nothing in it cancelled: all that is added has its size, not its sign.
 * @param {Worked} node
 * @returns {number}
 */
function magnitude(node) {
  if (node.kind === "negative") return magnitude(node.operand);
  if (node.kind === "reduce" && node.how === "sum") return node.terms.reduce((sum, term) => sum + magnitude(term.node), 0);
  if (node.kind !== "binary") return Math.abs(node.value);
  const { operator, left, right } = node;
  if (operator === "+" || operator === "-") return magnitude(left) + magnitude(right);
  if (operator === "*") return magnitude(left) * magnitude(right);
  return operator === "/" ? magnitude(left) / Math.abs(right.value) : Math.abs(node.value);
}

/**
 * All positions, or as many different ones as are checked.
 * @param {number} count
 * @param {() => number} random
 */
function chosenPositions(count, random) {
  if (count <= CHECKED_CELLS) return Array.from({ length: count }, (_, position) => position);
  const chosen = new Set();
  while (chosen.size < CHECKED_CELLS) chosen.add(Math.floor(random() * count));
  return [...chosen];
}

/**
 * Random numbers from 0 to 1, the same ones every time (the generator "mulberry32", public domain).
 * @param {number} seed
 */
function seededRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
