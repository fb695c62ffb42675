// Index rules in the page, in float64:
//
//   workCell   one cell: its value, the numbers on the way and the cells it was read from
//   compile    a rule as closures over given arrays, for whole tensors and for checking single cells
//   evaluate   every target of a rule, all cells

import {
  EVERYWHERE, OPERATORS, REDUCTIONS, attributeOf, broadcasts, expandEllipsis, extentsOf, functionOf, inferShape,
  leadingAxes, shapesOf, sizeOf, stridesOf, targetLetters, walk,
} from "./language.js";

/** @import {Arrays, Attributes, Expr, NDArray, Statement} from "./language.js" */

// ---------------------------------------------------------------- closures for whole tensors

/**
 * What the closures of one statement share: `at` holds the place along each letter and is all that changes.
 * @typedef {{arrays: Arrays, attributes: Attributes, leading: number, slots: Map<string, number>, extents: number[],
 *   at: number[]}} Scope
 */
/** @typedef {() => number} Value */
/** @typedef {{target: string, shape: number[], cell: (at: number[]) => number, all: () => Float64Array}} Kernel */

/**
 * A rule as closures, one kernel per statement, in order. They keep the arrays: write new numbers into the same `data`
 * and call `all` again, first statement first. Nothing is computed before `cell` or `all` is called; a statement that
 * reads an earlier target finds the numbers of its last `all`.
 * @param {Statement[]} statements
 * @param {Arrays} arrays
 * @param {Attributes} attributes
 * @param {Record<string, number[]>} shapes of targets whose letters do not say how far they run
 * @returns {Kernel[]}
 */
export function compile(statements, arrays, attributes = {}, shapes = {}) {
  const known = { ...arrays };
  return statements.map((statement) => {
    const shape = shapes[statement.target] ?? inferShape(statement, shapesOf(known));
    const kernel = compileStatement(statement, known, attributes, shape);
    known[statement.target] = { shape, data: kernel.result };
    return kernel;
  });
}

/**
 * Every target of a rule, all cells.
 * @param {Statement[]} statements
 * @param {Arrays} arrays
 * @param {Attributes} [attributes]
 * @param {Record<string, number[]>} [shapes]
 * @returns {Record<string, {shape: number[], data: Float64Array}>}
 */
export function evaluate(statements, arrays, attributes = {}, shapes = {}) {
  const kernels = compile(statements, arrays, attributes, shapes);
  return Object.fromEntries(kernels.map(({ target, shape, all }) => [target, { shape, data: all() }]));
}

/**
 * @param {Statement} statement
 * @param {Arrays} arrays
 * @param {Attributes} attributes
 * @param {number[]} shape
 * @returns {Kernel & {result: Float64Array}}
 */
function compileStatement(statement, arrays, attributes, shape) {
  const sizes = shapesOf(arrays);
  const leading = leadingAxes(statement, sizes);
  const extents = extentsOf(statement, sizes);
  const free = targetLetters(statement, leading, shape.length);
  free.forEach((letter, axis) => extents.set(letter, shape[axis]));
  const bound = [...walk(statement.body)].flatMap((expr) => (expr[0] === "reduce" ? [...expr[2]] : []));
  const letters = [...new Set([...free, ...bound])];
  const missing = letters.find((letter) => !extents.has(letter));
  if (missing) throw new Error(`rule: nothing says how far '${missing}' runs`);
  /** @type {Scope} */
  const scope = {
    arrays: { ...arrays }, attributes, leading, slots: new Map(letters.map((letter, slot) => [letter, slot])),
    extents: letters.map((letter) => extents.get(letter) ?? 0), at: letters.map(() => 0),
  };
  const value = compileExpr(statement.body, scope, 0);
  const result = new Float64Array(sizeOf(shape));
  const cell = (/** @type {number[]} */ at) => {
    at.forEach((place, axis) => { scope.at[axis] = place; });
    return value();
  };
  const all = () => {
    fill(result, scope.at, shape, value);
    return result;
  };
  return { target: statement.target, shape, cell, all, result };
}

/**
 * Compute all cells, the last axis fastest.
 * @param {Float64Array} result
 * @param {number[]} at
 * @param {number[]} shape
 * @param {Value} value
 */
function fill(result, at, shape, value) {
  at.fill(0, 0, shape.length);
  for (let cell = 0; cell < result.length; cell++) {
    result[cell] = value();
    for (let axis = shape.length - 1; axis >= 0 && ++at[axis] === shape[axis]; axis--) at[axis] = 0;
  }
}

/**
 * @param {Expr} expr
 * @param {Scope} scope
 * @param {number} outside what a read outside its array gives
 * @returns {Value}
 */
function compileExpr(expr, scope, outside) {
  switch (expr[0]) {
    case "number": { const value = expr[1]; return () => value; }
    case "name": return compileName(expr[1], scope, outside);
    case "read": return compileRead(readPlan(expr[1], expr[2], scope), scope.at, outside);
    case "call": {
      const apply = functionOf(expr[1]);
      const [a, b = a, c = a] = expr[2].map((argument) => compileExpr(argument, scope, outside));
      if (expr[2].length === 1) return () => apply(a(), 0, 0);
      if (expr[2].length === 2) return () => apply(a(), b(), 0);
      return () => apply(a(), b(), c());
    }
    case "binary": return compileBinary(expr[1], compileExpr(expr[2], scope, outside), compileExpr(expr[3], scope, outside));
    case "negative": { const operand = compileExpr(expr[1], scope, outside); return () => -operand(); }
    case "guard": return compileExpr(expr[1], scope, outside);
    case "reduce": return compileReduce(expr[1], expr[2], expr[3], scope);
    default: throw new Error(`rule: ${expr[0]} has no value`);
  }
}

/**
 * The four operations that fill the rules get closures of their own; the engine can inline them.
 * @param {string} operator
 * @param {Value} a
 * @param {Value} b
 * @returns {Value}
 */
function compileBinary(operator, a, b) {
  switch (operator) {
    case "+": return () => a() + b();
    case "-": return () => a() - b();
    case "*": return () => a() * b();
    case "/": return () => a() / b();
    default: { const apply = OPERATORS[operator]; return () => apply(a(), b()); }
  }
}

/**
 * @param {string} name
 * @param {Scope} scope
 * @param {number} outside
 * @returns {Value}
 */
function compileName(name, scope, outside) {
  if (name in scope.arrays) return compileRead(readPlan(name, EVERYWHERE, scope), scope.at, outside);
  const { at } = scope;
  const slot = scope.slots.get(name);
  if (slot !== undefined) return () => at[slot];
  const value = attributeOf(name, scope.attributes);
  return () => value;
}

/**
 * How a read finds its cell: `strided` axes follow a letter that never leaves the array; `checked` ones are computed.
 * @typedef {{data: ArrayLike<number>, strided: {slot: number, step: number}[],
 *   checked: {place: Value, size: number, step: number}[]}} ReadPlan
 */

/**
 * @param {string} name
 * @param {Expr[]} indices
 * @param {Scope} scope
 * @returns {ReadPlan}
 */
function readPlan(name, indices, scope) {
  const { shape, data } = scope.arrays[name];
  const steps = stridesOf(shape);
  /** @type {ReadPlan} */
  const plan = { data, strided: [], checked: [] };
  expandEllipsis(indices, shape.length, scope.leading).forEach((index, axis) => {
    const letter = index[0] === "name" ? index[1] : "";
    if (broadcasts(letter) && shape[axis] === 1) return;
    const slot = letter in scope.arrays ? undefined : scope.slots.get(letter);
    if (slot !== undefined && scope.extents[slot] <= shape[axis]) plan.strided.push({ slot, step: steps[axis] });
    else plan.checked.push({ place: compileExpr(index, scope, 0), size: shape[axis], step: steps[axis] });
  });
  return plan;
}

/**
 * @param {ReadPlan} plan
 * @param {number[]} at
 * @param {number} outside
 * @returns {Value}
 */
function compileRead({ data, strided, checked }, at, outside) {
  const offset = compileOffset(strided, at);
  if (!checked.length) return () => data[offset()];
  return () => {
    let cell = offset();
    for (const { place, size, step } of checked) {
      const position = Math.trunc(place());
      if (!(position >= 0 && position < size)) return outside;
      cell += position * step;
    }
    return data[cell];
  };
}

/**
 * @param {{slot: number, step: number}[]} strided
 * @param {number[]} at
 * @returns {Value}
 */
function compileOffset(strided, at) {
  if (strided.length === 0) return () => 0;
  const [{ slot: a, step: stepA }, { slot: b, step: stepB } = { slot: 0, step: 0 }] = strided;
  if (strided.length === 1) return () => at[a] * stepA;
  if (strided.length === 2) return () => at[a] * stepA + at[b] * stepB;
  return () => strided.reduce((sum, { slot, step }) => sum + at[slot] * step, 0);
}

/**
 * @param {string} kind
 * @param {string} letters
 * @param {Expr} body
 * @param {Scope} scope
 * @returns {Value}
 */
function compileReduce(kind, letters, body, scope) {
  const inner = letters.length > 1 ? compileReduce(kind, letters.slice(1), body, scope) : null;
  const slot = Number(scope.slots.get(letters[0]));
  const dot = kind === "sum" && !inner ? compileDot(body, slot, scope) : null;
  if (dot) return dot;
  const { join, start } = REDUCTIONS[kind];
  const value = inner ?? compileExpr(body, scope, start);
  const { at } = scope;
  const extent = scope.extents[slot];
  return () => {
    const outer = at[slot]; // an enclosing reduction may run over the same letter
    let result = start;
    for (let i = 0; i < extent; i++) {
      at[slot] = i;
      result = join(result, value());
    }
    at[slot] = outer;
    return result;
  };
}

/**
 * The sum over one letter of a product of two plain reads, as one loop over two strides; null for any other body.
 * @param {Expr} body
 * @param {number} slot
 * @param {Scope} scope
 * @returns {Value | null}
 */
function compileDot(body, slot, scope) {
  if (body[0] !== "binary" || body[1] !== "*" || body[2][0] !== "read" || body[3][0] !== "read") return null;
  const plans = [body[2], body[3]].map(([, name, indices]) => readPlan(name, indices, scope));
  if (plans.some(({ checked }) => checked.length)) return null;
  const [a, b] = plans.map(({ data, strided }) => ({
    data,
    step: strided.reduce((sum, axis) => sum + (axis.slot === slot ? axis.step : 0), 0),
    first: compileOffset(strided.filter((axis) => axis.slot !== slot), scope.at),
  }));
  const extent = scope.extents[slot];
  return () => {
    let sum = 0;
    for (let i = 0, p = a.first(), q = b.first(); i < extent; i++, p += a.step, q += b.step) sum += a.data[p] * b.data[q];
    return sum;
  };
}

// ---------------------------------------------------------------- one cell with its numbers

/**
 * An expression with the numbers of one cell: the same tree as the rule, every node with its value.
 * @typedef {{kind: "number", value: number}
 *   | {kind: "name", name: string, value: number}
 *   | {kind: "read", array: string, cell: number[] | null, indices: Worked[], value: number}
 *   | {kind: "call", name: string, arguments: Worked[], value: number}
 *   | {kind: "binary", operator: string, left: Worked, right: Worked, value: number}
 *   | {kind: "negative", operand: Worked, value: number}
 *   | {kind: "guard", condition: Worked, value: number}
 *   | {kind: "reduce", how: string, letters: string, terms: WorkedTerm[], value: number}} Worked
 */
/** @typedef {{at: number[], node: Worked, value: number}} WorkedTerm one term of a reduction and its place along the letters */
/** @typedef {"value" | "index" | "condition"} Role how a source enters: as a number, as a place to look up, in a test */
/** @typedef {{array: string, cell: number[], role: Role}} Source */
/**
 * One part of the outermost sum; `at` and `letters` where it is a term of a reduction.
 * @typedef {{value: number, sign: 1 | -1, node: Worked, sources: Source[], letters: string, at: number[]}} Addend
 */
/**
 * `tree` is the body; `letters` the place along each axis of the result; `addends` add up to `value`.
 * @typedef {{target: string, cell: number[], value: number, tree: Worked, letters: Record<string, number>,
 *   sources: Source[], addends: Addend[]}} WorkedCell
 */

/**
 * One cell of a target, worked out.
 * @param {Statement[]} statements
 * @param {string} target
 * @param {Arrays} arrays every input; earlier targets that are missing are computed
 * @param {Attributes} attributes
 * @param {number[]} cell
 * @returns {WorkedCell}
 */
export function workCell(statements, target, arrays, attributes, cell) {
  const number = statements.findIndex((statement) => statement.target === target);
  if (number < 0) throw new Error(`rule: no statement says what ${target} is`);
  const earlier = statements.slice(0, number);
  const missing = earlier.some((statement) => !(statement.target in arrays));
  const known = missing ? { ...evaluate(earlier, arrays, attributes), ...arrays } : arrays;
  const worker = new Worker(statements[number], known, attributes, cell);
  const tree = worker.work(statements[number].body, 0);
  const letters = Object.fromEntries(worker.places);
  return { target, cell, value: tree.value, tree, letters, sources: sourcesOf(tree), addends: addendsOf(tree) };
}

/** Evaluates one statement at one cell, keeping every number on the way. */
class Worker {
  /**
   * @param {Statement} statement
   * @param {Arrays} arrays
   * @param {Attributes} attributes
   * @param {number[]} cell
   */
  constructor(statement, arrays, attributes, cell) {
    const shapes = shapesOf(arrays);
    this.arrays = arrays;
    this.attributes = attributes;
    this.leading = leadingAxes(statement, shapes);
    this.extents = extentsOf(statement, shapes);
    /** @type {Map<string, number>} */
    this.places = new Map();
    /** @type {Map<string | Expr[], NDArray & {axes: Expr[]}>} */
    this.plans = new Map();
    targetLetters(statement, this.leading, cell.length).forEach((letter, axis) => this.places.set(letter, cell[axis]));
  }

  /**
   * @param {Expr} expr
   * @param {number} outside what a read outside its array gives
   * @returns {Worked}
   */
  work(expr, outside) {
    switch (expr[0]) {
      case "number": return { kind: "number", value: expr[1] };
      case "name": return expr[1] in this.arrays ? this.read(expr[1], EVERYWHERE, outside) : this.name(expr[1]);
      case "read": return this.read(expr[1], expr[2], outside);
      case "call": {
        const parts = expr[2].map((argument) => this.work(argument, outside));
        const [a, b = 0, c = 0] = parts.map((part) => part.value);
        return { kind: "call", name: expr[1], arguments: parts, value: functionOf(expr[1])(a, b, c) };
      }
      case "binary": {
        const [left, right] = [this.work(expr[2], outside), this.work(expr[3], outside)];
        return { kind: "binary", operator: expr[1], left, right, value: OPERATORS[expr[1]](left.value, right.value) };
      }
      case "negative": {
        const operand = this.work(expr[1], outside);
        return { kind: "negative", operand, value: -operand.value };
      }
      case "guard": {
        const condition = this.work(expr[1], outside);
        return { kind: "guard", condition, value: condition.value };
      }
      case "reduce": return this.reduce(expr[1], expr[2], expr[3]);
      default: throw new Error(`rule: ${expr[0]} has no value`);
    }
  }

  /**
   * @param {string} name
   * @returns {Worked}
   */
  name(name) {
    return { kind: "name", name, value: this.places.get(name) ?? attributeOf(name, this.attributes) };
  }

  /**
   * @param {string} array
   * @param {Expr[]} indices
   * @param {number} outside
   * @returns {Worked}
   */
  read(array, indices, outside) {
    const { axes, shape, data } = this.planOf(array, indices);
    const nodes = [];
    const cell = [];
    let inside = true;
    let position = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      const node = this.work(axes[axis], 0);
      const place = node.kind === "name" && broadcasts(node.name) && shape[axis] === 1 ? 0 : Math.trunc(node.value);
      inside &&= place >= 0 && place < shape[axis];
      position = position * shape[axis] + place;
      nodes.push(node);
      cell.push(place);
    }
    return { kind: "read", array, cell: inside ? cell : null, indices: nodes, value: inside ? data[position] : outside };
  }

  /**
   * What is the same in every read at this place of the rule.
   * @param {string} array
   * @param {Expr[]} indices
   */
  planOf(array, indices) {
    const key = indices === EVERYWHERE ? array : indices;
    let plan = this.plans.get(key);
    if (!plan) {
      const { shape, data } = this.arrays[array];
      plan = { shape, data, axes: expandEllipsis(indices, shape.length, this.leading) };
      this.plans.set(key, plan);
    }
    return plan;
  }

  /**
   * @param {string} how
   * @param {string} letters
   * @param {Expr} body
   * @returns {Worked}
   */
  reduce(how, letters, body) {
    const { join, start } = REDUCTIONS[how];
    const shape = [...letters].map((letter) => this.extents.get(letter) ?? 0);
    const outer = new Map(this.places);
    const at = shape.map(() => 0);
    /** @type {WorkedTerm[]} */
    const terms = [];
    for (let count = sizeOf(shape); count > 0;) {
      at.forEach((place, axis) => this.places.set(letters[axis], place));
      const node = this.work(body, start);
      count -= 1;
      if (how !== "sum" || !isNoTerm(node)) terms.push({ at: [...at], node, value: node.value });
      for (let axis = shape.length - 1; axis >= 0 && ++at[axis] === shape[axis]; axis--) at[axis] = 0;
    }
    this.places = outer;
    return { kind: "reduce", how, letters, terms, value: terms.reduce((sum, term) => join(sum, term.value), start) };
  }
}

/**
 * Whether a term is only there because letters run over more places than the sum has: [(h − u) mod 2 = 0].
 * @param {Worked} node
 * @returns {boolean}
 */
function isNoTerm(node) {
  if (node.kind === "binary" && node.operator === "*") return isNoTerm(node.left) || isNoTerm(node.right);
  return node.kind === "guard" && node.value === 0 && !readsNumbers(node);
}

/**
 * @param {Worked} node
 * @returns {boolean}
 */
export function readsNumbers(node) {
  return node.kind === "read" || partsOf(node, "value").some(([part]) => readsNumbers(part));
}

/**
 * The direct parts of a worked expression, with the role that the sources inside them play.
 * @param {Worked} node
 * @param {Role} role
 * @returns {[Worked, Role][]}
 */
function partsOf(node, role) {
  switch (node.kind) {
    case "read": return node.indices.map((index) => [index, "index"]);
    case "call": return node.arguments.map((part, i) => [part, node.name === "where" && i === 0 ? "condition" : role]);
    case "binary": return [[node.left, role], [node.right, role]];
    case "negative": return [[node.operand, role]];
    case "guard": return [[node.condition, "condition"]];
    case "reduce": return node.terms.map((term) => [term.node, role]);
    default: return [];
  }
}

/**
 * Every cell that an expression read, in the order of reading; what is looked up comes before the cell found with it.
 * @param {Worked} node
 * @param {Role} [role]
 * @returns {Source[]}
 */
export function sourcesOf(node, role = "value") {
  const sources = partsOf(node, role).flatMap(([part, partRole]) => sourcesOf(part, partRole));
  if (node.kind === "read" && node.cell) sources.push({ array: node.array, cell: node.cell, role });
  return sources;
}

/**
 * The parts of the outermost sum, down to the single terms of its reductions: their values add up to the cell's.
 * @param {Worked} node
 * @param {1 | -1} [sign]
 * @param {{letters: string, at: number[]}} [place]
 * @returns {Addend[]}
 */
export function addendsOf(node, sign = 1, place = { letters: "", at: [] }) {
  const other = sign === 1 ? -1 : 1;
  if (node.kind === "binary" && node.operator === "+" && !place.letters) {
    return [...addendsOf(node.left, sign), ...addendsOf(node.right, sign)];
  }
  if (node.kind === "binary" && node.operator === "-" && !place.letters) {
    return [...addendsOf(node.left, sign), ...addendsOf(node.right, other)];
  }
  if (node.kind === "negative" && !place.letters) return addendsOf(node.operand, other);
  if (node.kind === "reduce" && node.how === "sum") {
    const letters = place.letters + node.letters;
    return node.terms.flatMap((term) => addendsOf(term.node, sign, { letters, at: [...place.at, ...term.at] }));
  }
  return [{ value: sign * node.value, sign, node, sources: sourcesOf(node), ...place }];
}

/**
 * The terms that matter most, in their order, and one number for all others, so that what is shown adds up.
 * @template {{value: number}} T
 * @param {T[]} terms
 * @param {number} count
 * @returns {{shown: T[], others: {count: number, value: number} | null}}
 */
export function largestTerms(terms, count) {
  if (terms.length <= count) return { shown: terms, others: null };
  const byMagnitude = [...terms].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const chosen = new Set(byMagnitude.slice(0, count));
  const rest = terms.filter((term) => !chosen.has(term));
  const value = rest.reduce((sum, term) => sum + term.value, 0);
  return { shown: terms.filter((term) => chosen.has(term)), others: { count: rest.length, value } };
}
