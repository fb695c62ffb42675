/**
 * A fused recurrence, opened: which gates it has, by which sum each of their numbers comes about, and how the gradient
 * walks back through time. The operation keeps its gates for its own backward pass; here they are only read.
 *
 * Shapes: x (N, T, I), W (I, 4 O), U (O, 4 O), states y (N, T, O), gates (T, N, 4 O): a block of O numbers per gate.
 */

import { applied, cellOf, literal, minus, plus, sumOver, times } from "./expressions.js";
import { valueAt } from "./network.js";
import { workCell } from "./rules.js";
import { writeRef } from "./selection.js";
import { agrees } from "./selfcheck.js";

/** @import {Arrays, Expr} from "./language.js" */
/** @import {WorkedCell} from "./rules.js" */
/** @import {Op, Tensor} from "./trace.js" */
/**
 * A number that a step computes. `sum` is what is added up before the function `bend`; of a gate or candidate it is the
 * block of the weights. Other numbers are made of the gates: `made` of their names.
 * @typedef {{name: string, tensor: string, formula: string, block?: number, bend?: "sigmoid" | "tanh", made?: Expr}} Gate
 */
/** @typedef {{op: Op, kind: string, sample: number, samples: number, steps: number, units: number, gates: Gate[]}} Recurrence */
/** @typedef {{step: number, unit: number}} Spot */
/** One number of a step, worked out: `found` from the others, `value` as recorded. @typedef {{gate: Gate, value: number, found: number, ref: string, worked: WorkedCell, refs: Record<string, string>, agrees: boolean}} OpenedGate */

// ---------------------------------------------------------------- the gates of each kind

/**
 * @param {string} name
 * @param {number} block
 * @param {"sigmoid" | "tanh"} bend
 * @returns {Gate}
 */
function summed(name, block, bend) {
  const letter = bend === "tanh" ? "\\tanh" : "\\sigma";
  return { name, tensor: "gates", block, bend, formula: `${name}_t = ${letter}(x_t\\,W_${name} + h_{t-1}\\,U_${name} + b_${name})` };
}

/** @type {Record<string, (afterwards: boolean) => Gate[]>} */
const KINDS = {
  simple_rnn: () => [{ name: "h", tensor: "y", block: 0, bend: "tanh", formula: "h_t = \\tanh(x_t\\,W + h_{t-1}\\,U + b)" }],
  lstm: () => [
    summed("i", 0, "sigmoid"), summed("f", 1, "sigmoid"), summed("g", 2, "tanh"), summed("o", 3, "sigmoid"),
    { name: "c", tensor: "carries", formula: "c_t = f_t\\,c_{t-1} + i_t\\,g_t", made: plus(times(cellOf("f"), cellOf("before c")), times(cellOf("i"), cellOf("g"))) },
    { name: "h", tensor: "y", formula: "h_t = o_t\\,\\tanh(c_t)", made: times(cellOf("o"), applied("tanh", cellOf("c"))) },
  ],
  gru: (afterwards) => [
    summed("u", 0, "sigmoid"), summed("r", 1, "sigmoid"),
    { ...summed("g", 2, "tanh"), formula: afterwards ? "g_t = \\tanh(x_t\\,W_g + b_g + r_t\\,(h_{t-1}\\,U_g + b'_g))" : "g_t = \\tanh(x_t\\,W_g + (r_t\\,h_{t-1})\\,U_g + b_g)" },
    { name: "h", tensor: "y", formula: "h_t = u_t\\,h_{t-1} + (1 - u_t)\\,g_t", made: plus(times(cellOf("u"), cellOf("before h")), times(minus(literal(1), cellOf("u")), cellOf("g"))) },
  ],
};

/**
 * The recurrence that an operation is, or through which it leads the gradient back; null for any other operation, and
 * where numbers are not in the page.
 * @param {Op} op
 * @param {number} sample
 * @returns {Recurrence | null}
 */
export function recurrenceOf(op, sample) {
  const forward = op.backwardOf && op.outputs[0] === "z_bar" ? op.backwardOf : op;
  const gates = forward.phase === "forward" && Object.hasOwn(KINDS, forward.op) ? KINDS[forward.op] : null;
  if (!gates || ![...forward.reads, ...forward.writes].every(({ data }) => data)) return null;
  const [samples, steps, units] = forward.writes[0].shape;
  return { op: forward, kind: forward.op, sample, samples, steps, units, gates: gates(forward.attrs.reset_after === true) };
}

/**
 * What the operation reads or writes under a name.
 * @param {Recurrence} recurrence
 * @param {string} name
 */
export function tensorIn({ op }, name) {
  const read = op.inputs.indexOf(name);
  return read < 0 ? op.writes[op.outputs.indexOf(name)] : op.reads[read];
}

/**
 * The cell of a gate, or of what is made of gates.
 * @param {Recurrence} recurrence
 * @param {Gate} gate
 * @param {Spot} spot
 */
export function gateCell({ sample, units }, { tensor, block = 0 }, { step, unit }) {
  return tensor === "y" ? [sample, step, unit] : [step, sample, block * units + unit];
}

/**
 * @param {Recurrence} recurrence
 * @param {Gate} gate
 * @param {Spot} spot
 */
export function gateValue(recurrence, gate, spot) {
  return valueAt(tensorIn(recurrence, gate.tensor), gateCell(recurrence, gate, spot));
}

/**
 * Whether the mask lets the sample skip a step: its state stays.
 * @param {Recurrence} recurrence
 * @param {number} step
 */
export function isSkipped(recurrence, step) {
  return !valueAt(tensorIn(recurrence, "mask"), [recurrence.sample, step]);
}

// ---------------------------------------------------------------- one step of one unit, with its numbers

/**
 * Every number of a step worked out from those before it, and compared with what was recorded.
 * @param {Recurrence} recurrence
 * @param {Spot} spot
 * @returns {OpenedGate[]}
 */
export function openedGates(recurrence, spot) {
  const known = scalarsAt(recurrence, spot);
  return recurrence.gates.map((gate) => {
    const tensor = tensorIn(recurrence, gate.tensor);
    const cell = gateCell(recurrence, gate, spot);
    const { body, arrays, refs } = gate.made ? { body: gate.made, ...known } : sumOf(recurrence, gate, spot, known);
    const worked = workCell([{ target: gate.made ? gate.name : "z", indices: [], body }], gate.made ? gate.name : "z", arrays, {}, []);
    const found = gate.bend === "sigmoid" ? 1 / (1 + Math.exp(-worked.value)) : gate.bend === "tanh" ? Math.tanh(worked.value) : worked.value;
    const parts = worked.addends.reduce((sum, { value }) => sum + Math.abs(value), 0);
    const position = cell.reduce((sum, index, axis) => sum * tensor.shape[axis] + index, 0);
    const ref = writeRef(tensor.ref, cell);
    return { gate, value: valueAt(tensor, cell), found, ref, worked, refs: { ...refs, [gate.name]: ref }, agrees: agrees(tensor, position, found, parts) };
  });
}

/**
 * The gates of a spot as single numbers under their names, and the state and carry before it.
 * @param {Recurrence} recurrence
 * @param {Spot} spot
 */
function scalarsAt(recurrence, spot) {
  const { kind, sample, gates } = recurrence;
  /** @type {[string, Tensor, number[]][]} */
  const places = gates.map((gate) => [gate.name, tensorIn(recurrence, gate.tensor), gateCell(recurrence, gate, spot)]);
  for (const [name, tensor, first] of [["h", "y", "h0"], ...(kind === "lstm" ? [["c", "carries", "c0"]] : [])]) {
    const gate = /** @type {Gate} */ (gates.find((other) => other.name === name));
    const cell = spot.step ? gateCell(recurrence, gate, { ...spot, step: spot.step - 1 }) : [sample, spot.unit];
    places.push([`before ${name}`, tensorIn(recurrence, spot.step ? tensor : first), cell]);
  }
  return {
    arrays: Object.fromEntries(places.map(([name, tensor, cell]) => [name, { shape: /** @type {number[]} */ ([]), data: [valueAt(tensor, cell)] }])),
    refs: Object.fromEntries(places.map(([name, tensor, cell]) => [name, writeRef(tensor.ref, cell)])),
  };
}

/**
 * The weighted sum of a gate: x W + h U + b of one unit at one step.
 * @param {Recurrence} recurrence
 * @param {Gate} gate
 * @param {Spot} spot
 * @param {ReturnType<typeof scalarsAt>} known
 */
function sumOf(recurrence, { name, block = 0 }, spot, known) {
  const { kind, sample, units, op } = recurrence;
  const column = block * units + spot.unit;
  const state = spot.step ? cellOf("y", sample, spot.step - 1, "k") : cellOf("h0", sample, "k");
  const byInput = sumOver("m", times(cellOf("x", sample, spot.step, "m"), cellOf("W", "m", column))); // letters that are no gate
  const isCandidate = kind === "gru" && name === "g";
  const reset = op.attrs.reset_after === true;
  const bias = reset ? cellOf("b", 0, column) : cellOf("b", column);
  const read = isCandidate && !reset ? times(cellOf("resets", "k"), state) : state;
  const byState = sumOver("k", times(read, cellOf("U", "k", column)));
  const inner = reset ? plus(byState, cellOf("b", 1, column)) : byState;
  const body = plus(plus(byInput, bias), isCandidate && reset ? times(cellOf("r"), inner) : inner);
  const names = ["x", "W", "U", "b", "y", "h0"];
  /** @type {Arrays} */
  const resets = kind === "gru" ? { resets: { shape: [units], data: Array.from({ length: units }, (_, unit) => gateValue(recurrence, recurrence.gates[1], { ...spot, unit })) } } : {};
  return {
    body,
    arrays: { ...known.arrays, ...resets, .../** @type {Arrays} */ (Object.fromEntries(names.map((array) => [array, tensorIn(recurrence, array)]))) },
    refs: { ...known.refs, ...Object.fromEntries(names.map((array) => [array, tensorIn(recurrence, array).ref])) },
  };
}

// ---------------------------------------------------------------- the gradient through time

/**
 * The gradient of the state (and carry) of every step and unit: what the step's own output sends, what comes straight
 * from the next step, and what comes through the sums of its gates. `before` is what would go on to the first state.
 * @typedef {{own: Float64Array[], straight: Float64Array[], through: Float64Array[], carry: Float64Array[] | null,
 *   state: Float64Array[], before: Float64Array}} Walk
 */

/** @type {WeakMap<Op, Map<number, Walk>>} */
const walks = new WeakMap();

/**
 * The walk back through time, from the recorded ∂L/∂z of every step.
 * @param {Recurrence} recurrence
 * @param {Op} back the operation that walks back
 * @returns {Walk}
 */
export function walkBack(recurrence, back) {
  const known = walks.get(back) ?? new Map();
  walks.set(back, known);
  if (!known.has(recurrence.sample)) known.set(recurrence.sample, walked(recurrence, back));
  return known.get(recurrence.sample);
}

/**
 * @param {Recurrence} recurrence
 * @param {Op} back
 * @returns {Walk}
 */
function walked(recurrence, back) {
  const { kind, sample, steps, units, gates } = recurrence;
  const row = (/** @type {(unit: number) => number} */ value) => Float64Array.from({ length: units }, (_, unit) => value(unit));
  const gate = (/** @type {string} */ name, /** @type {number} */ step) => row((unit) => gateValue(recurrence, /** @type {Gate} */ (gates.find((one) => one.name === name)), { step, unit }));
  const given = (/** @type {string} */ name) => row((unit) => valueAt(back.reads[back.inputs.indexOf(name)], [sample, unit]));
  /** @type {Walk} */
  const walk = { own: [], straight: [], through: [], carry: kind === "lstm" ? [] : null, state: [], before: row(() => 0) };
  let [straight, through] = [given("h_bar"), row(() => 0)];
  let carry = walk.carry ? given("c_bar") : null;
  for (let step = steps - 1; step >= 0; step -= 1) {
    const own = row((unit) => valueAt(back.reads[0], [sample, step, unit]));
    const state = row((unit) => own[unit] + straight[unit] + through[unit]);
    Object.entries({ own, straight, through, state }).forEach(([name, numbers]) => { /** @type {Record<string, any>} */ (walk)[name][step] = numbers; });
    const skipped = isSkipped(recurrence, step);
    if (walk.carry && carry) {
      const [last, o, c, f] = [carry, gate("o", step), gate("c", step), gate("f", step)];
      const full = skipped ? last : row((unit) => last[unit] + state[unit] * o[unit] * (1 - Math.tanh(c[unit]) ** 2));
      walk.carry[step] = full;
      carry = skipped ? full : row((unit) => full[unit] * f[unit]);
    }
    const update = kind === "gru" ? gate("u", step) : null;
    straight = row((unit) => state[unit] * (skipped ? 1 : update?.[unit] ?? 0));
    through = skipped ? row(() => 0) : throughSums(recurrence, back, step);
  }
  walk.before = row((unit) => straight[unit] + through[unit]);
  return walk;
}

/**
 * z̄ Uᵀ of one step; in a GRU the reset gate stands between the state and the candidate.
 * @param {Recurrence} recurrence
 * @param {Op} back
 * @param {number} step
 */
function throughSums(recurrence, back, step) {
  const { op, kind, sample, units, gates } = recurrence;
  const [bars, weights] = [back.writes[0], tensorIn(recurrence, "U")];
  const width = weights.shape[1];
  const afterwards = op.attrs.reset_after === true;
  const reset = (/** @type {number} */ unit) => gateValue(recurrence, gates[1], { step, unit });
  const z = Float64Array.from({ length: width }, (_, column) => {
    const factor = kind === "gru" && afterwards && column >= 2 * units ? reset(column - 2 * units) : 1;
    return factor * valueAt(bars, [step, sample, column]);
  });
  return Float64Array.from({ length: units }, (_, unit) => z.reduce((sum, bar, column) => {
    const factor = kind === "gru" && !afterwards && column >= 2 * units ? reset(unit) : 1;
    return sum + factor * bar * Number(weights.data?.[unit * width + column]);
  }, 0));
}
