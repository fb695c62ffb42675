// One recorded training step, as the page reads it (explain/page.py writes it): tensors, the operations that read and
// write them, and the moments through which the reader goes.
//
//   Trace.load(payload)                      the decoded trace
//   trace.tensor(ref), trace.cell(ref)       by name: dense/kernel@0, dense/kernel@0[3,1]
//   trace.opWriting(t), trace.opsReading(t)  where a tensor comes from and goes to
//   trace.workCell(op, output, cell)         one number worked out by the op's rule
//   trace.moments(granularity, route)        the tour: layers, operations, or the numbers along a route
//   trace.view(selected)                     where the reader is now: moment, operation, output and cell

import { indicesOf, positionOf } from "./arrays.js";
import { simplified } from "./language.js";
import { cellIn, imageNumbers, imagesOf, readImageRef } from "./maps.js";
import { addChange, decode } from "./payload.js";
import { compile, evaluate, workCell } from "./rules.js";
import { readRef, writeRef } from "./selection.js";

/** @import {Statement} from "./language.js" */
/** @import {Kernel, WorkedCell} from "./rules.js" */
/** @import {Selected} from "./selection.js" */

/** @typedef {"forward" | "loss" | "backward" | "update"} Phase */
/** @typedef {{min: number, max: number, mean: number, nan: number, inf: number}} Stats of the finite numbers; how many are not */
/**
 * `data` is null where the tensor was too large to embed; `of` is the tensor whose gradient or optimizer state this is.
 * @typedef {{id: number, ref: string, name: string, symbol: string, role: string, version: number | null,
 *   of: number | null, grad: number | null, shape: number[], axes: string[], dtype: string, data: ArrayLike<number> | null,
 *   stats: Stats}} Tensor
 */
/** @typedef {{file: string, line: number, text: string}} CodeLine */
/**
 * `parts` are the operations that open a fused one.
 * @typedef {{id: number, op: string, phase: Phase, path: string, reads: Tensor[], inputs: string[], writes: Tensor[],
 *   outputs: string[], attrs: Record<string, unknown>, rule: string, formula: string, gradient: string[], words: string,
 *   code: Record<string, CodeLine>, backwardOf: Op | null, insideOf: Op | null, parts: Op[]}} Op
 */
/** @typedef {{id: number, phase: Phase, title: string, path: string, words: string, ops: Op[], reads: Tensor[], writes: Tensor[]}} Step */
/**
 * One stop of the tour; `op` is the operation that the card explains unless the reader chose another of `ops`, and `ref`
 * the cell, at the granularity Number.
 * @typedef {{phase: Phase, title: string, words: string, step: Step, ops: Op[], op: Op, ref: string}} Moment
 */
/** @typedef {{moment: Moment, index: number, count: number, op: Op, output: number, tensor: Tensor, cell: number[], ref: string}} View */
/** @typedef {{tensor: number, cell: number[], values: number[], losses: number[], slope: number, difference: number}} Wiggle */
/** @typedef {Record<string, any>} Meta */

export class Trace {
  /**
   * @param {{meta: Meta, rules: Record<string, Statement[]>, tensors: any[], ops: any[], steps: any[], code?: CodeLine[], wiggle?: Wiggle[]}} payload
   */
  static async load(payload) {
    const tensors = await Promise.all(payload.tensors.map(async (tensor) => ({ ...tensor, data: await numbersOf(tensor) })));
    for (const { id, base, factor, added, power } of payload.tensors) {
      if (base !== null) tensors[id].data = addChange(tensors[base].data, tensors[id].data, factor, tensors[added]?.data, power);
    }
    return new Trace(payload, tensors);
  }

  /**
   * @param {{meta: Meta, rules: Record<string, Statement[]>, ops: any[], steps: any[], code?: CodeLine[], wiggle?: Wiggle[]}} payload
   * @param {Tensor[]} tensors
   */
  constructor({ meta, rules, ops, steps, code = [], wiggle = [] }, tensors) {
    this.meta = meta;
    this.rules = rules;
    this.tensors = tensors;
    this.wiggle = wiggle;
    /** @type {Map<Op, import("./language.js").Statement[]>} */
    this.shownStatements = new Map();
    const pick = (/** @type {number[]} */ ids) => ids.map((id) => tensors[id]);
    /** @type {Op[]} */
    this.ops = ops.map((op) => ({ ...op, code: Object.fromEntries(Object.entries(op.code).map(([kind, at]) => [kind, code[at]])), attrs: numbersAmong(op.attrs), reads: pick(op.reads), writes: pick(op.writes), parts: [] }));
    ops.forEach((op, id) => {
      this.ops[id].backwardOf = op.backward_of === null ? null : this.ops[op.backward_of];
      this.ops[id].insideOf = op.inside_of === null ? null : this.ops[op.inside_of];
      this.ops[id].insideOf?.parts.push(this.ops[id]);
    });
    /** @type {Step[]} */
    this.steps = steps.map((step) => ({
      ...step, ops: step.ops.map((/** @type {number} */ id) => this.ops[id]), reads: pick(step.reads), writes: pick(step.writes),
    }));
    this.byRef = new Map(tensors.map((tensor) => [tensor.ref, tensor]));
    this.writer = new Map(this.ops.flatMap((op) => op.writes.map((tensor) => [tensor, op])));
    /** @type {Map<Op, Step>} */
    this.stepOfOp = new Map(this.steps.flatMap((step) => step.ops.flatMap((op) => [op, ...op.parts].map((part) => [part, step]))));
  }

  // ---------------------------------------------------------------- names

  /**
   * The tensor that a ref names, whole or by one of its cells.
   * @param {string} ref
   * @returns {Tensor | null}
   */
  tensor(ref) {
    return this.byRef.get(readRef(ref).tensor) ?? null;
  }

  /**
   * A number and where it stands; null where the ref names no cell of this trace.
   * @param {string} ref
   * @returns {{tensor: Tensor, cell: number[], position: number, value: number | null} | null}
   */
  cell(ref) {
    const tensor = this.tensor(ref);
    const position = tensor && positionOf(tensor, ref);
    if (!tensor || position === null) return null;
    return { tensor, cell: readRef(ref).cell, position, value: tensor.data && tensor.data[position] };
  }

  /**
   * A whole image by the cell that tells most about it: the route's, else the one of largest magnitude; null where the
   * ref names no image of this trace.
   * @param {string} ref
   * @param {string[]} route
   * @returns {{tensor: Tensor, cell: number[]} | null}
   */
  cellOfImage(ref, route) {
    const found = readImageRef(ref);
    const tensor = found && this.byRef.get(found.tensor);
    const images = tensor && imagesOf(tensor, found.part);
    if (!found || !tensor?.data || !images || found.image >= images.count) return null;
    const own = route.map((one) => readRef(one)).find(({ tensor: name, cell }) => name === tensor.ref && cell.at(-1) === found.image);
    if (own) return { tensor, cell: own.cell };
    const cells = imageNumbers(images, tensor.data, found.image);
    return { tensor, cell: cellIn(images, found.image, largestCell(cells, 0, cells.length)) };
  }

  /**
   * @param {Tensor} tensor
   * @returns {Tensor | null}
   */
  gradientOf(tensor) {
    return tensor.grad === null ? null : this.tensors[tensor.grad];
  }

  /**
   * The same parameter or optimizer state before (0) or after (1) the update.
   * @param {Tensor} tensor
   * @param {0 | 1} version
   */
  versionOf(tensor, version) {
    return this.byRef.get(`${tensor.name}@${version}`) ?? null;
  }

  // ---------------------------------------------------------------- where numbers come from and go to

  /**
   * The operation that computed a tensor; null for inputs and weights.
   * @param {Tensor} tensor
   * @returns {Op | null}
   */
  opWriting(tensor) {
    return this.writer.get(tensor) ?? null;
  }

  /**
   * The operations that read a tensor, without the parts of fused ones.
   * @param {Tensor} tensor
   * @returns {Op[]}
   */
  opsReading(tensor) {
    return this.ops.filter((op) => op.reads.includes(tensor) && op.insideOf === null);
  }

  /**
   * The tensor behind a name in an operation's rule.
   * @param {Op} op
   * @param {string} name
   */
  tensorNamed(op, name) {
    const read = op.inputs.indexOf(name);
    return (read >= 0 ? op.reads[read] : op.writes[op.outputs.indexOf(name)]) ?? null;
  }

  /**
   * Whether a rule says how this output is computed, and all numbers for it are on the page.
   * @param {Op} op
   * @param {number} output
   */
  isWorked(op, output) {
    const others = op.writes.filter((_, place) => place !== output);
    return this.statementsOf(op).some(({ target }) => target === op.outputs[output]) && [...op.reads, ...others].every(({ data }) => data);
  }

  /**
   * One cell of an output with its formula, its numbers and the cells they came from; null without a rule or numbers.
   * @param {Op} op
   * @param {number} output
   * @param {number[]} cell
   * @returns {WorkedCell | null}
   */
  workCell(op, output, cell) {
    if (!this.isWorked(op, output)) return null;
    const worked = workCell(this.shownStatementsOf(op), op.outputs[output], this.arraysFor(op, output), op.attrs, cell);
    const recorded = (/** @type {import("./rules.js").Source[]} */ sources) => sources.filter(({ array }) => this.tensorNamed(op, array)); // not what a rule computes on the way
    return { ...worked, sources: recorded(worked.sources), addends: worked.addends.map((addend) => ({ ...addend, sources: recorded(addend.sources) })) };
  }

  /**
   * The rule as closures over the recorded numbers, one kernel per output that it explains: for checking many cells.
   * @param {Op} op
   * @returns {{output: number, kernel: Kernel}[]}
   */
  kernelsOf(op) {
    const shapes = Object.fromEntries(op.writes.map((tensor, place) => [op.outputs[place], tensor.shape]));
    const statements = this.statementsOf(op);
    const between = statements.filter(({ target }) => !op.outputs.includes(target)); // computed on the way, not recorded
    return statements.flatMap((statement) => {
      const output = op.outputs.indexOf(statement.target);
      if (output < 0 || !this.isWorked(op, output)) return [];
      const arrays = this.arraysFor(op, output);
      return [{ output, kernel: compile([statement], { ...evaluate(between, arrays, op.attrs), ...arrays }, op.attrs, shapes)[0] }];
    });
  }

  /** @param {Op} op */
  statementsOf(op) {
    return this.rules[op.rule] ?? [];
  }

  /**
   * The rule as a reader sees it: without what an attribute of 0 switches off.
   * @param {Op} op
   */
  shownStatementsOf(op) {
    const known = this.shownStatements.get(op) ?? simplified(this.statementsOf(op), op.attrs);
    this.shownStatements.set(op, known);
    return known;
  }

  /**
   * What an output is computed from: the inputs, and the other outputs as they were recorded.
   * @param {Op} op
   * @param {number} output
   */
  arraysFor(op, output) {
    const others = op.writes.map((tensor, place) => ({ name: op.outputs[place], tensor })).filter((_, place) => place !== output);
    const inputs = op.reads.map((tensor, place) => ({ name: op.inputs[place], tensor }));
    return Object.fromEntries([...others, ...inputs].flatMap(({ name, tensor: { shape, data } }) => (data ? [[name, { shape, data }]] : [])));
  }

  // ---------------------------------------------------------------- the tour

  /**
   * The stops of a tour, in the order of the computation.
   * @param {Selected["granularity"]} granularity
   * @param {string[]} [route] the numbers to visit, forward; at the granularity Number. A route that leads nowhere
   *   gives the tour of the operations.
   * @returns {Moment[]}
   */
  moments(granularity, route = []) {
    if (granularity === "layer") return this.steps.map((step) => ({ ...step, step, op: mainOp(step), ref: "" }));
    const along = granularity === "number" ? this.momentsAlong(route) : [];
    return along.length ? along : this.steps.flatMap((step) => step.ops.map((op) => this.momentOf(op, "")));
  }

  /**
   * The numbers of a route, forward, then their gradients backward, then what became of the weights among them.
   * @param {string[]} route
   * @returns {Moment[]}
   */
  momentsAlong(route) {
    const refs = route.filter((ref) => this.cell(ref));
    const back = [...refs].reverse().map((ref) => this.relatedRef(ref, (tensor) => this.gradientOf(tensor)));
    const updated = refs.map((ref) => this.relatedRef(ref, (tensor) => (tensor.version === 0 ? this.versionOf(tensor, 1) : null)));
    return [...refs, ...back, ...updated].flatMap((ref) => {
      const found = this.cell(ref);
      const op = found && this.opWriting(found.tensor);
      return op ? [this.momentOf(op, ref)] : [];
    });
  }

  /**
   * The same cell of a related tensor: its gradient, its other version.
   * @param {string} ref
   * @param {(tensor: Tensor) => Tensor | null} related
   */
  relatedRef(ref, related) {
    const found = this.cell(ref);
    const other = found && related(found.tensor);
    return other && found ? writeRef(other.ref, found.cell) : "";
  }

  /**
   * @param {Op} op
   * @param {string} ref
   * @returns {Moment}
   */
  momentOf(op, ref) {
    const step = /** @type {Step} */ (this.stepOfOp.get(op));
    return { phase: op.phase, title: step.title, words: op.words, step, ops: [op], op, ref };
  }

  /**
   * Where the reader is: the moment, and of what it shows the operation, output and cell that the card explains. A cell
   * that was pinned chooses among the operations of the moment, and the parts of fused ones.
   * @param {Pick<Selected, "step" | "granularity" | "route" | "pinned">} selected
   * @returns {View}
   */
  view({ step, granularity, route, pinned }) {
    const moments = this.moments(granularity, route);
    const index = Math.min(Math.max(step, 0), moments.length - 1);
    const moment = moments[index];
    const chosen = this.cell(pinned) ?? this.cellOfImage(pinned, route) ?? this.cell(moment.ref);
    const writer = chosen && this.opWriting(chosen.tensor);
    const here = writer && moment.ops.some((op) => op === writer || op.parts.includes(writer));
    const op = here ? writer : moment.op;
    const output = here && chosen ? op.writes.indexOf(chosen.tensor) : mainOutput(op);
    const tensor = op.writes[output];
    const cell = here && chosen ? chosen.cell : this.usualCell(tensor, route, pinned);
    return { moment, index, count: moments.length, op, output, tensor, cell, ref: writeRef(tensor.ref, cell) };
  }

  /**
   * The cell that is shown when none was chosen: the one on the route, else the first that is not finite, else the
   * largest; of the sample that the reader looks at.
   * @param {Tensor} tensor
   * @param {string[]} route
   * @param {string} [pinned]
   * @returns {number[]}
   */
  usualCell(tensor, route, pinned = "") {
    for (const ref of [pinned, ...route]) {
      const found = this.cell(ref);
      const same = found && this.sourceOf(found.tensor).name === this.sourceOf(tensor).name;
      if (same && found.cell.length === tensor.shape.length) return found.cell;
    }
    const [first, end] = this.rangeOfSample(tensor, this.sampleOf({ route, pinned }));
    return indicesOf(largestCell(tensor.data ?? [], first, end), tensor.shape);
  }

  /**
   * The tensor itself, or the one whose gradient or optimizer state it is.
   * @param {Tensor} tensor
   */
  sourceOf(tensor) {
    return tensor.of === null ? tensor : this.tensors[tensor.of];
  }

  /**
   * The sample of the batch that the reader looks at: the one in which the pinned cell or the route lies.
   * @param {Pick<Selected, "route" | "pinned">} selected
   */
  sampleOf({ route, pinned }) {
    for (const ref of [pinned, ...route]) {
      const found = this.cell(ref);
      if (found && found.tensor.axes[0] === "N") return found.cell[0];
    }
    return 0;
  }

  /**
   * The same number in another sample of the batch.
   * @param {string} ref
   * @param {number} sample
   */
  inSample(ref, sample) {
    const found = this.cell(ref);
    if (!found || found.tensor.axes[0] !== "N") return ref;
    return writeRef(found.tensor.ref, [sample, ...found.cell.slice(1)]);
  }

  /**
   * First position of a sample in a tensor, and the one after its last; all positions where there is no batch axis.
   * @param {Tensor} tensor
   * @param {number} sample
   * @returns {[number, number]}
   */
  rangeOfSample({ shape, axes }, sample) {
    const size = shape.reduce((product, length) => product * length, 1);
    if (axes[0] !== "N" || shape[0] <= sample) return [0, size];
    return [(sample * size) / shape[0], ((sample + 1) * size) / shape[0]];
  }
}

/**
 * Attributes with the numbers that JSON cannot say.
 * @param {Record<string, unknown>} attrs
 */
function numbersAmong(attrs) {
  const words = new Map(Object.entries({ inf: Infinity, "-inf": -Infinity, nan: NaN }));
  const word = (/** @type {unknown} */ value) => (typeof value === "string" ? words.get(value) ?? value : value);
  return Object.fromEntries(Object.entries(attrs).map(([name, value]) => [name, word(value)]));
}

/**
 * The operation of a step that says most: the one that writes a weight's gradient or its new value, the one that
 * computes a loss per sample, the layer's own sum.
 * @param {Step} step
 */
function mainOp({ phase, ops }) {
  const weight = (/** @type {Tensor} */ tensor) => tensor.role === "grad" && tensor.shape.length > 1 && tensor.axes[0] !== "N" && tensor.of !== null;
  const found = phase === "backward" ? ops.find((op) => op.writes.some(weight)) ?? ops.at(-1) : ops.find(({ op }) => op !== "cast") ?? ops[0];
  return /** @type {Op} */ (found);
}

/**
 * The output that says most: the parameter among an update's results, else the first.
 * @param {Op} op
 */
function mainOutput({ writes }) {
  return Math.max(0, writes.findIndex(({ role }) => role === "param"));
}

/**
 * @param {ArrayLike<number>} data
 * @param {number} first
 * @param {number} end
 */
function largestCell(data, first, end) {
  let best = first;
  for (let position = first; position < Math.min(end, data.length); position += 1) {
    if (!Number.isFinite(data[position])) return position;
    if (Math.abs(data[position]) > Math.abs(data[best])) best = position;
  }
  return best;
}

// ---------------------------------------------------------------- arrays

/**
 * @param {{buffer: string | null, dtype: string, base: number | null}} tensor
 */
async function numbersOf({ buffer, dtype, base }) {
  return buffer === null ? null : decode({ buffer, dtype: base === null ? dtype : "uint32" });
}
