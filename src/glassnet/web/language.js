// The language of index rules: its functions and operators, what a statement reads, and how far its letters run.
// The same meaning as glassnet/autograd/rules.py, on the syntax tree as JSON. Truth values are the numbers 0 and 1.

/** @typedef {{shape: number[], data: ArrayLike<number>}} NDArray */
/** @typedef {Record<string, NDArray>} Arrays */
/** @typedef {Record<string, unknown>} Attributes constructor arguments of the op; a rule reads the numbers among them */
/**
 * @typedef {["number", number] | ["name", string] | ["read", string, Expr[]] | ["dots"] | ["call", string, Expr[]]
 *   | ["binary", string, Expr, Expr] | ["negative", Expr] | ["reduce", string, string, Expr, number[]] | ["guard", Expr]} Expr
 */
/** @typedef {{target: string, indices: Expr[], body: Expr}} Statement */

// ---------------------------------------------------------------- functions and operators

/** @type {Record<string, (a: number, b: number, c: number) => number>} */
export const FUNCTIONS = {
  abs: Math.abs, arccos: Math.acos, arcsin: Math.asin, arctan: Math.atan, arctan2: Math.atan2,
  ceil: Math.ceil, cos: Math.cos, cosh: Math.cosh, erf, exp: Math.exp, expm1: Math.expm1, floor: Math.floor,
  log: Math.log, log1p: Math.log1p, max: (a, b) => Math.max(a, b), min: (a, b) => Math.min(a, b), round: roundHalfEven,
  sign: Math.sign, sin: Math.sin, sinh: Math.sinh, sqrt: Math.sqrt, tan: Math.tan, tanh: Math.tanh,
  where: (condition, yes, no) => (condition !== 0 ? yes : no),
  isnan: (a) => Number(Number.isNaN(a)), isinf: (a) => Number(Math.abs(a) === Infinity),
};

/** @type {Record<string, (a: number, b: number) => number>} */
export const OPERATORS = {
  "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => a / b,
  "**": (a, b) => (a === 1 ? 1 : a ** b), "%": floorModulo,
  "<": (a, b) => Number(a < b), "<=": (a, b) => Number(a <= b), ">": (a, b) => Number(a > b),
  ">=": (a, b) => Number(a >= b), "==": (a, b) => Number(a === b), "!=": (a, b) => Number(a !== b),
  and: (a, b) => Number(a !== 0 && b !== 0), or: (a, b) => Number(a !== 0 || b !== 0),
};

/** @type {Record<string, {join: (a: number, b: number) => number, start: number}>} */
export const REDUCTIONS = {
  sum: { join: (a, b) => a + b, start: 0 },
  max: { join: (a, b) => Math.max(a, b), start: -Infinity },
  min: { join: (a, b) => Math.min(a, b), start: Infinity },
};

/**
 * The remainder with the sign of the divisor, as in Python.
 * @param {number} a
 * @param {number} b
 */
function floorModulo(a, b) {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

/** @param {number} a */
function roundHalfEven(a) {
  const below = Math.floor(a);
  const part = a - below;
  if (part === 0.5) return below % 2 === 0 ? below : below + 1;
  return part < 0.5 ? below : below + 1;
}

/**
 * The error function by its series of positive terms, 2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)): nothing cancels.
 * @param {number} x
 */
function erf(x) {
  if (Number.isNaN(x) || Math.abs(x) >= 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** @param {string} name */
export function functionOf(name) {
  const found = FUNCTIONS[name];
  if (!found) throw new Error(`rule: unknown function '${name}'`);
  return found;
}

/**
 * @param {string} name
 * @param {Attributes} attributes
 * @returns {number}
 */
export function attributeOf(name, attributes) {
  const value = attributes[name];
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "number") return value;
  throw new Error(`rule: '${name}' is neither an input, nor an axis letter, nor a number among the attributes`);
}

// ---------------------------------------------------------------- reads, letters and shapes

/** A bare name of an array is a read of this. @type {Expr[]} */
export const EVERYWHERE = [["dots"]];

/**
 * The direct parts of an expression.
 * @param {Expr} expr
 * @returns {Expr[]}
 */
export function children(expr) {
  switch (expr[0]) {
    case "read": case "call": return expr[2];
    case "binary": return [expr[2], expr[3]];
    case "negative": case "guard": return [expr[1]];
    case "reduce": return [expr[3]];
    default: return [];
  }
}

/**
 * The expression and everything inside it, outside first.
 * @param {Expr} expr
 * @returns {Generator<Expr>}
 */
export function* walk(expr) {
  yield expr;
  for (const child of children(expr)) yield* walk(child);
}

/**
 * Every read of an array in a statement.
 * @param {Statement} statement
 * @param {Record<string, unknown>} arrays
 * @returns {{array: string, indices: Expr[]}[]}
 */
function readsOf(statement, arrays) {
  const found = [];
  for (const expr of walk(statement.body)) {
    if (expr[0] === "read") {
      if (!(expr[1] in arrays)) throw new Error(`rule: there is no array '${expr[1]}' to read`);
      found.push({ array: expr[1], indices: expr[2] });
    } else if (expr[0] === "name" && expr[1] in arrays) found.push({ array: expr[1], indices: EVERYWHERE });
  }
  return found;
}

/** @param {Expr} index */
const isDots = (index) => index[0] === "dots";

/**
 * `...` written out as numbered letters, right-aligned: with three leading axes they are '0', '1', '2'.
 * @param {Expr[]} indices
 * @param {number} ndim
 * @param {number} leading
 * @returns {Expr[]}
 */
export function expandEllipsis(indices, ndim, leading) {
  const own = ndim - (indices.length - 1);
  /** @type {Expr[]} */
  const letters = Array.from({ length: own }, (_, axis) => ["name", String(leading - own + axis)]);
  return indices.flatMap((index) => (isDots(index) ? letters : [index]));
}

/**
 * How many axes `...` stands for: the most that any array of the statement brings.
 * @param {Statement} statement
 * @param {Record<string, number[]>} shapes
 */
export function leadingAxes(statement, shapes) {
  const counts = readsOf(statement, shapes)
    .filter(({ indices }) => indices.some(isDots))
    .map(({ array, indices }) => shapes[array].length - indices.length + 1);
  return Math.max(0, ...counts);
}

/** The letters of `...`, along which a size of 1 is repeated. @param {string} letter */
export const broadcasts = (letter) => letter >= "0" && letter < ":";

/**
 * How far each letter runs.
 * @param {Statement} statement
 * @param {Record<string, number[]>} shapes
 * @returns {Map<string, number>}
 */
export function extentsOf(statement, shapes) {
  const leading = leadingAxes(statement, shapes);
  /** @type {Map<string, number>} */
  const extents = new Map();
  for (const expr of walk(statement.body)) { // a reduction may say itself how far its letters run
    if (expr[0] === "reduce") expr[4].forEach((extent, place) => extents.set(expr[2][place], extent));
  }
  for (const { array, indices } of readsOf(statement, shapes)) {
    const expanded = expandEllipsis(indices, shapes[array].length, leading);
    if (expanded.length !== shapes[array].length) throw new Error(`rule: ${array} has the wrong number of axes`);
    expanded.forEach((index, axis) => {
      if (index[0] !== "name") return;
      const old = extents.get(index[1]);
      if (old === undefined || (old === 1 && broadcasts(index[1]))) extents.set(index[1], shapes[array][axis]);
    });
  }
  return extents;
}

/** @param {Arrays} arrays */
export const shapesOf = (arrays) => Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, array.shape]));

/**
 * The letters of the target's axes.
 * @param {Statement} statement
 * @param {number} leading
 * @param {number} ndim
 * @returns {string[]}
 */
export function targetLetters(statement, leading, ndim) {
  const letters = expandEllipsis(statement.indices, ndim, leading).map((index) => String(index[1]));
  if (letters.length !== ndim) throw new Error(`rule: ${statement.target} has ${letters.length} axes, not ${ndim}`);
  return letters;
}

/**
 * The target's shape as far as its letters say.
 * @param {Statement} statement
 * @param {Record<string, number[]>} shapes
 * @returns {number[]}
 */
export function inferShape(statement, shapes) {
  const leading = leadingAxes(statement, shapes);
  const extents = extentsOf(statement, shapes);
  return targetLetters(statement, leading, leading + statement.indices.filter((i) => !isDots(i)).length).map((letter) => {
    const extent = extents.get(letter);
    if (extent === undefined) throw new Error(`rule: nothing says how far '${letter}' runs`);
    return extent;
  });
}

/**
 * Cells between neighbours along each axis.
 * @param {number[]} shape
 * @returns {number[]}
 */
export function stridesOf(shape) {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

/** @param {number[]} shape */
export const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);

// ---------------------------------------------------------------- what an attribute of 0 switches off

/**
 * A rule for readers: a weight decay or a momentum of 0 is left out. Its numbers are the same.
 * @param {Statement[]} statements
 * @param {Attributes} attributes
 * @returns {Statement[]}
 */
export function simplified(statements, attributes) {
  return statements.map((statement) => ({ ...statement, body: withoutZeros(statement.body, attributes) }));
}

/**
 * @param {Expr} expr
 * @param {Attributes} attributes
 * @returns {Expr}
 */
function withoutZeros(expr, attributes) {
  if (expr[0] === "name" && attributes[expr[1]] === 0) return ["number", 0];
  if (expr[0] === "reduce") return ["reduce", expr[1], expr[2], withoutZeros(expr[3], attributes), expr[4]];
  if (expr[0] !== "binary") return expr;
  const [, operator, left, right] = expr;
  const [a, b] = [withoutZeros(left, attributes), withoutZeros(right, attributes)];
  const is = (/** @type {Expr} */ part, /** @type {number} */ value) => part[0] === "number" && part[1] === value;
  if (operator === "*" && (is(a, 0) || is(b, 0))) return ["number", 0];
  if ((operator === "+" || operator === "-") && is(b, 0)) return a;
  if (operator === "+" && is(a, 0)) return b;
  if (operator === "*" && is(b, 1)) return a;
  return ["binary", operator, a, b];
}
