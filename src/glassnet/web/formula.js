// Formulas in MathML: a rule in symbols, and the same rule with the numbers of one cell.
//
// A formula is a row of short <math> elements, so that a long sum may break into lines between its terms; only
// fractions, roots and powers are one piece. Nothing stretches: it looks right without a mathematics font.

import { EVERYWHERE, FUNCTIONS, OPERATORS, broadcasts, expandEllipsis, functionOf, inferShape, leadingAxes } from "./language.js";
import { COMPARISON, LOOSEST, PRODUCT, REDUCTION, SUM, Writer, math, nameNode, wordNode } from "./mathml.js";
import { text } from "./messages.js";
import { equalsSign, format, shownValue } from "./numbers.js";
import { largestTerms } from "./rules.js";
import { link, writeRef } from "./selection.js";

/** @import {Expr, Statement} from "./language.js" */
/** @import {Part} from "./mathml.js" */
/** @import {Worked, WorkedCell, WorkedTerm} from "./rules.js" */

/**
 * How a formula names its arrays: `symbols` and `refs` by their names in the rule, the shapes of all of them, and for
 * a chosen cell the place along each axis letter (`letters` of a WorkedCell).
 * @typedef {{symbols?: Record<string, string>, refs?: Record<string, string>, shapes?: Record<string, number[]>,
 *   places?: Record<string, number>}} Naming
 */

/**
 * A rule in symbols, one line per statement. Every array carries `data-array`, its name in the rule, and `data-part`,
 * "target" or "read"; with `refs` it is linked to the tensor, or to the cell where its place is known.
 * @param {Statement[]} statements
 * @param {Naming} [naming]
 * @returns {HTMLElement}
 */
export function formula(statements, naming = {}) {
  const box = document.createElement("span");
  box.className = "formula";
  const shapes = { ...naming.shapes };
  for (const statement of statements) {
    const writer = new SymbolWriter(statement, { ...naming, shapes });
    if (naming.shapes && statements.length > 1 && !(statement.target in shapes)) shapes[statement.target] = inferShape(statement, shapes); // on the way
    writer.array(statement.target, statement.indices, "target");
    writer.breakHere();
    writer.operator("=");
    writer.write(writer.partOf(statement.body), LOOSEST);
    box.append(writer.line());
  }
  return box;
}

/**
 * The rule with the numbers of one cell: the largest terms of every sum and one number for all others, and the result.
 * Every number that was read is linked to its cell.
 * @param {WorkedCell} worked
 * @param {{refs?: Record<string, string>, terms?: number}} [options] refs of the tensors by their names in the rule
 * @returns {HTMLElement}
 */
export function formulaWithNumbers(worked, { refs = {}, terms = 4 } = {}) {
  const box = document.createElement("span");
  box.className = "formula formula-numbers";
  const writer = new NumberWriter(refs, terms);
  writer.write(worked.tree, LOOSEST);
  writer.breakHere();
  writer.operator(equalsSign(shownResult(worked.tree, terms), worked.value));
  writer.number(worked.value, worked.target, worked.cell);
  box.append(writer.line());
  return box;
}

/**
 * What a reader with a pocket calculator gets from the numbers as they are written.
 * @param {Worked} node
 * @param {number} terms
 * @returns {number}
 */
function shownResult(node, terms) {
  const of = (/** @type {Worked} */ part) => shownResult(part, terms);
  switch (node.kind) {
    case "call": { const [a, b = 0, c = 0] = node.arguments.map(of); return FUNCTIONS[node.name](a, b, c); }
    case "binary": return OPERATORS[node.operator](of(node.left), of(node.right));
    case "negative": return -of(node.operand);
    case "guard": return of(node.condition);
    case "reduce": {
      if (node.how !== "sum") return shownValue(node.value);
      const { shown, others } = largestTerms(node.terms, terms);
      return shown.reduce((sum, term) => sum + of(term.node), others ? shownValue(others.value) : 0);
    }
    default: return shownValue(node.value);
  }
}

// ---------------------------------------------------------------- in symbols

const LONG_SYMBOL = 5; // letters of a symbol beside which no line breaks

/** Writes a statement's expressions in symbols. */
class SymbolWriter extends Writer {
  /**
   * @param {Statement} statement
   * @param {Naming} naming
   */
  constructor(statement, { symbols = {}, refs = {}, shapes = {}, places = {} }) {
    super();
    this.symbols = symbols;
    this.refs = refs;
    this.shapes = shapes;
    this.places = places;
    this.names = new Set([symbols, refs, shapes].flatMap((named) => Object.keys(named)));
    this.leading = Object.keys(shapes).length ? leadingAxes(statement, shapes) : 0;
  }

  /**
   * @param {Expr} expr
   * @returns {Part}
   */
  partOf(expr) {
    switch (expr[0]) {
      case "number": return { kind: "number", value: expr[1] };
      case "name": return this.names.has(expr[1]) ? { kind: "read", array: expr[1], indices: EVERYWHERE } : { kind: "name", name: expr[1] };
      case "read": return { kind: "read", array: expr[1], indices: expr[2] };
      case "call": return { kind: "call", name: expr[1], arguments: expr[2].map((argument) => this.partOf(argument)) };
      case "binary": return { kind: "binary", operator: expr[1], left: this.partOf(expr[2]), right: this.partOf(expr[3]) };
      case "negative": return { kind: "negative", operand: this.partOf(expr[1]) };
      case "reduce": return { kind: "over", how: expr[1], letters: expr[2], body: this.partOf(expr[3]) };
      case "guard": return { kind: "guard", condition: this.partOf(expr[1]) };
      default: return { kind: "dots" };
    }
  }

  /**
   * @param {Part} part
   * @param {number} needed
   * @override
   */
  own(part, needed) {
    if (part.kind === "read") this.array(part.array, /** @type {Expr[]} */ (part.indices), "read");
    else if (part.kind === "over") this.over(part, needed);
    else if (part.kind === "dots") this.operator("…", "prefix");
    else if (part.kind !== "name") super.own(part, needed);
    else if (part.name in this.places) this.add(math("mn", {}, String(this.places[part.name])));
    else this.add(nameNode(part.name));
  }

  /**
   * Also an array with a long name, or with an index that is still to be computed.
   * @param {Part} part
   * @returns {boolean}
   * @override
   */
  isLong(part) {
    if (part.kind !== "read") return super.isLong(part);
    const isOpen = (/** @type {Expr} */ index) => index[0] !== "name" && index[0] !== "dots" && this.placeOf(index) === undefined;
    return (this.symbols[part.array] ?? "").length > LONG_SYMBOL || /** @type {Expr[]} */ (part.indices).some(isOpen);
  }

  /**
   * @param {Extract<Part, {kind: "over"}>} part
   * @param {number} needed
   */
  over({ how, letters, body }, needed) {
    const sign = how === "sum" ? math("mo", { largeop: "false", stretchy: "false", form: "prefix", rspace: "0.1em" }, "∑") : wordNode(how);
    const index = math("mrow", {}, ...[...letters].flatMap((letter, i) => [...(i ? [comma()] : []), math("mi", {}, letter)]));
    this.bracketed(REDUCTION < needed, () => {
      this.add(math("msub", {}, sign, index));
      if (how !== "sum") this.add(math("mspace", { width: "0.2em" }));
      this.write(body, REDUCTION);
    });
  }

  /**
   * @param {string} name in the rule
   * @param {Expr[]} indices
   * @param {"target" | "read"} part
   */
  array(name, indices, part) {
    const symbol = this.symbols[name];
    const shown = this.subscript(name, indices);
    const base = symbol === undefined ? nameNode(name) : symbolNode(symbol, shown.length > 0);
    const row = math("mrow", {}, ...shown.flatMap((index, i) => (i ? [comma(), index] : [index])));
    const node = shown.length ? math("msub", {}, base, row) : math("mrow", {}, base);
    node.setAttribute("data-array", name);
    node.setAttribute("data-part", part);
    const ref = this.refs[name];
    this.add(ref === undefined ? node : link(node, writeRef(ref, this.cellOf(name, indices))));
  }

  /**
   * The indices of an array, without leading axes of one cell.
   * @param {string} name
   * @param {Expr[]} indices
   * @returns {Node[]}
   */
  subscript(name, indices) {
    const shape = this.shapes[name];
    const elementwise = indices.length === 1 && indices[0][0] === "dots";
    const listed = shape ? expandEllipsis(indices, shape.length, this.leading) : indices;
    /** @type {Node[]} */
    const shown = [];
    listed.forEach((index, axis) => {
      const letter = index[0] === "name" ? index[1] : "";
      const unknown = index[0] === "dots" || (broadcasts(letter) && !(letter in this.places));
      if (broadcasts(letter) && shape[axis] === 1) return;
      const place = this.placeOf(index);
      if (place !== undefined) shown.push(math("mn", {}, String(place)));
      else if (!unknown) shown.push(this.row(() => this.write(this.partOf(index), LOOSEST)));
      else if (!elementwise && !shown.length) shown.push(math("mo", { form: "prefix" }, "…"));
    });
    return shown;
  }

  /**
   * The cell that is read, if the places say so; otherwise nothing, and the whole array is meant.
   * @param {string} name
   * @param {Expr[]} indices
   * @returns {number[]}
   */
  cellOf(name, indices) {
    const shape = this.shapes[name];
    if (!shape) return [];
    const cell = expandEllipsis(indices, shape.length, this.leading).map((index, axis) => {
      const letter = index[0] === "name" ? index[1] : "";
      return broadcasts(letter) && shape[axis] === 1 ? 0 : this.placeOf(index);
    });
    return cell.every((place, axis) => place !== undefined && place >= 0 && place < shape[axis]) ? /** @type {number[]} */ (cell) : [];
  }

  /**
   * The number of an index whose letters all have places: 15 for floor((0·784 + 437) / 28).
   * @param {Expr} index
   * @returns {number | undefined}
   */
  placeOf(index) {
    switch (index[0]) {
      case "number": return index[1];
      case "name": return this.places[index[1]];
      case "binary": return placesKnown([index[2], index[3]].map((part) => this.placeOf(part)), OPERATORS[index[1]]);
      case "call": return placesKnown(index[2].map((part) => this.placeOf(part)), functionOf(index[1]));
      default: return undefined;
    }
  }
}

/**
 * @param {(number | undefined)[]} places
 * @param {(a: number, b: number, c: number) => number} apply
 */
function placesKnown(places, apply) {
  const [a = NaN, b = NaN, c = NaN] = places;
  return places.includes(undefined) ? undefined : apply(a, b, c);
}

const comma = () => math("mo", { form: "postfix", lspace: "0", rspace: "0.15em" }, ",");

/**
 * The symbol of a tensor as the trace gives it: W1, ŷ, ∂L/∂W1.
 * @param {string} symbol
 * @param {boolean} indexed what is put together stands in brackets then
 */
function symbolNode(symbol, indexed) {
  const single = /^\p{L}\p{M}?\d*[′″‴⁗ᵀ]*$/u.test(symbol);
  const node = single ? math("mi", {}, symbol) : wordNode(symbol);
  if (single || !indexed) return node;
  const bracket = (/** @type {string} */ sign, /** @type {string} */ form) => math("mo", { form, stretchy: "false" }, sign);
  return math("mrow", {}, bracket("(", "prefix"), node, bracket(")", "postfix"));
}

// ---------------------------------------------------------------- in numbers

/** Writes a worked cell. */
class NumberWriter extends Writer {
  /**
   * @param {Record<string, string>} refs
   * @param {number} terms how many terms of a sum are shown
   */
  constructor(refs, terms) {
    super();
    this.refs = refs;
    this.terms = terms;
  }

  /**
   * @param {Part} part
   * @param {number} needed
   * @override
   */
  own(part, needed) {
    if (part.kind === "reduce") this.reduce(part, needed);
    else if (part.kind === "name" && "value" in part) this.value(part.value, needed);
    else if (part.kind !== "read" || !("value" in part)) super.own(part, needed);
    else if (!part.cell) this.value(part.value, needed);
    else {
      const { value, array, cell } = part;
      this.bracketed(value < 0 && needed > COMPARISON, () => this.number(value, array, cell));
    }
  }

  /**
   * A number that was read.
   * @param {number} value
   * @param {string} array
   * @param {number[]} cell
   */
  number(value, array, cell) {
    this.add(link(math("mn", {}, format(value)), writeRef(this.refs[array] ?? array, cell)));
  }

  /**
   * @param {Extract<Worked, {kind: "reduce"}>} reduction
   * @param {number} needed
   */
  reduce({ how, terms, value }, needed) {
    if (how !== "sum") return this.extreme(how, terms);
    const { shown, others } = largestTerms(terms, this.terms);
    if (!terms.length) return this.value(value, needed);
    return this.bracketed(SUM < needed, () => {
      shown.forEach((term, i) => {
        if (i) this.plus();
        this.write(term.node, PRODUCT);
      });
      if (!others) return;
      this.plus();
      this.bracketed(true, () => {
        this.words(`${text("formula.others", { count: others.count })} `);
        this.add(math("mn", {}, format(others.value)));
      });
    });
  }

  plus() {
    this.breakHere();
    this.operator("+");
  }

  /**
   * The largest (smallest) terms of a maximum (minimum), the winner among them.
   * @param {string} how
   * @param {WorkedTerm[]} terms
   */
  extreme(how, terms) {
    const sign = how === "max" ? 1 : -1;
    const chosen = new Set([...terms].sort((a, b) => sign * (b.value - a.value)).slice(0, this.terms));
    const shown = terms.filter((term) => chosen.has(term)).map((term) => () => this.write(term.node, LOOSEST));
    this.add(wordNode(how));
    this.list(terms.length > shown.length ? [...shown, () => this.operator("…", "prefix")] : shown);
  }
}
