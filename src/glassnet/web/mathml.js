// What formulas are made of: MathML elements, precedence, and the writing of everything that looks alike in symbols and
// in numbers.

import { text } from "./messages.js";
import { format } from "./numbers.js";

/** @import {Expr} from "./language.js" */
/** @import {Worked} from "./rules.js" */

// ---------------------------------------------------------------- precedence, as in glassnet/autograd/worked.py

export const LOOSEST = -1; // where anything may stand
const WORDS = 0; // "a if b, otherwise c"
export const COMPARISON = 3;
export const SUM = 4;
export const REDUCTION = 5;
export const PRODUCT = 6;
const ATOM = 8;

/** @type {Record<string, number>} */
const LEVELS = { or: 1, and: 2, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT, "**": 7 };

/** @param {string} operator */
const levelOfOperator = (operator) => LEVELS[operator] ?? COMPARISON;

/** @type {Record<string, string>} */
const OPERATOR_SIGNS = { "*": "·", "-": "−", "<=": "≤", ">=": "≥", "==": "=", "!=": "≠" };

/** @type {Record<string, Record<string, string>>} */
const OPERATOR_SPACES = { "·": { lspace: "0.15em", rspace: "0.15em" }, ",": { lspace: "0", rspace: "0.25em" } };

/** @type {Record<string, string>} */
const GREEK = {
  alpha: "α", beta: "β", gamma: "γ", delta: "δ", epsilon: "ε", eta: "η", theta: "θ", lambda: "λ", mu: "μ", pi: "π",
  rho: "ρ", sigma: "σ", tau: "τ", phi: "φ", omega: "ω",
};

// ---------------------------------------------------------------- what both kinds of formula are made of

/**
 * A MathML element.
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {MathMLElement}
 */
export function math(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return /** @type {MathMLElement} */ (node);
}

/** An upright word, such as the name of a function. @param {string} word */
export const wordNode = (word) => math("mi", { class: "is-word" }, word);

/**
 * The name of an array or an attribute: Greek letters by their names, a number behind it as an index.
 * @param {string} name
 * @returns {MathMLElement}
 */
export function nameNode(name) {
  const [, stem, index] = /^(.+?)_?(\d*)$/.exec(name) ?? ["", name, ""];
  const word = GREEK[stem] ?? stem.replaceAll("_", " ");
  const node = [...word].length > 1 ? wordNode(word) : math("mi", {}, word);
  return index ? math("msub", {}, node, math("mn", {}, index)) : node;
}

/**
 * The parts of an expression that are written alike in symbols and in numbers.
 * @typedef {Worked | {kind: "dots"} | {kind: "over", how: string, letters: string, body: Part}
 *   | {kind: "number", value: number} | {kind: "name", name: string} | {kind: "read", array: string, indices: Expr[]}
 *   | {kind: "call", name: string, arguments: Part[]} | {kind: "binary", operator: string, left: Part, right: Part}
 *   | {kind: "negative", operand: Part} | {kind: "guard", condition: Part}} Part
 */
/** @typedef {Extract<Part, {kind: "call"}>} CallPart */

/** A formula that grows from left to right. What stands for an array, a name or a reduction is left to its kinds. */
export class Writer {
  constructor() {
    /** @type {Node[][]} pieces between which the line may break */
    this.pieces = [[]];
    this.depth = 0; // how many fractions, roots and powers it is in: there is no break, and no fraction in a fraction
    this.brackets = 0; // how many brackets it is in: only the terms of a long sum break there
  }

  /**
   * @param {Part} part
   * @param {number} needed how tightly it must bind to stand without brackets
   */
  write(part, needed) {
    switch (part.kind) {
      case "number": return this.value(part.value, needed);
      case "call": return this.call(part, needed);
      case "binary": return this.binary(part.operator, part.left, part.right, needed);
      case "guard": return this.bracketed(true, () => this.write(part.condition, LOOSEST), "[]");
      case "negative": return this.bracketed(SUM < needed, () => {
        this.operator("−", "prefix");
        this.write(part.operand, PRODUCT);
      });
      default: return this.own(part, needed);
    }
  }

  /**
   * @param {Part} part
   * @param {number} needed
   */
  own(part, needed) {
    throw new Error(`formula: cannot write ${part.kind} at ${needed}`);
  }

  /**
   * Whether a factor is so long that a line may break beside it.
   * @param {Part} part
   * @returns {boolean}
   */
  isLong(part) {
    return part.kind === "guard" || (part.kind === "binary" && (this.isLong(part.left) || this.isLong(part.right)));
  }

  /**
   * A number that stands in the rule itself.
   * @param {number} value
   * @param {number} needed
   */
  value(value, needed) {
    this.bracketed(value < 0 && needed > COMPARISON, () => this.add(math("mn", {}, format(value))));
  }

  /**
   * @param {CallPart} call
   * @param {number} needed
   */
  call(call, needed) {
    const [first] = call.arguments;
    if (call.name === "where") return this.bracketed(WORDS < needed, () => this.choice(call));
    if (call.name === "sqrt") return this.add(math("msqrt", {}, this.row(() => this.write(first, LOOSEST))));
    if (call.name === "abs") return this.bracketed(true, () => this.write(first, LOOSEST), "||");
    this.add(wordNode(call.name));
    return this.list(call.arguments.map((argument) => () => this.write(argument, LOOSEST)));
  }

  /** @param {(() => void)[]} items */
  list(items) {
    this.bracketed(true, () => items.forEach((write, i) => {
      if (i) this.operator(",", "postfix");
      write();
    }));
  }

  /**
   * "a if condition, otherwise b"; once the numbers are known, the branch that was not taken steps back.
   * @param {CallPart} call
   */
  choice({ arguments: [condition, yes, no] }) {
    const taken = "value" in condition ? condition.value !== 0 : null;
    const branch = (/** @type {Part} */ part, /** @type {boolean} */ idle) =>
      idle ? this.add(withClass(this.row(() => this.write(part, WORDS + 1)), "is-idle")) : this.write(part, WORDS + 1);
    branch(yes, taken === false);
    this.words(text("formula.if"));
    this.write(condition, WORDS + 1);
    this.words(text("formula.else"));
    branch(no, taken === true);
  }

  /**
   * @param {string} operator
   * @param {Part} left
   * @param {Part} right
   * @param {number} needed
   */
  binary(operator, left, right, needed) {
    const own = levelOfOperator(operator);
    if (operator === "/" && this.depth === 0 && Math.max(sizeOfPart(left), sizeOfPart(right)) <= LARGEST_IN_FRACTION) {
      return this.bracketed(needed === ATOM, () => this.add(math("mfrac", {},
        this.row(() => this.write(left, LOOSEST)), this.row(() => this.write(right, LOOSEST)))));
    }
    return this.bracketed(own < needed, () => {
      if (operator === "**") return this.power(left, right);
      this.write(left, own);
      if (!this.brackets && (own === SUM || operator === "/" || (operator === "*" && (this.isLong(left) || this.isLong(right))))) this.breakHere();
      if (/^[a-z%]/.test(operator)) this.words(` ${operator === "%" ? text("formula.modulo") : text(`formula.${operator}`)} `);
      else this.operator(OPERATOR_SIGNS[operator] ?? operator);
      return this.write(right, operator === "*" ? own : own + 1);
    });
  }

  /**
   * @param {Part} base
   * @param {Part} exponent
   */
  power(base, exponent) {
    const low = this.row(() => this.write(base, ATOM));
    const high = this.row(() => this.write(exponent, LOOSEST));
    const [only] = low.children;
    const index = low.children.length === 1 && only.localName === "msub" && !only.hasAttribute("data-array");
    this.add(index ? math("msubsup", {}, ...only.children, high) : math("msup", {}, low, high));
  }

  /** @param {...Node} nodes */
  add(...nodes) {
    this.pieces[this.pieces.length - 1].push(...nodes);
  }

  breakHere() {
    if (!this.depth && this.pieces[this.pieces.length - 1].length) this.pieces.push([]);
  }

  /**
   * @param {string} sign
   * @param {"infix" | "prefix" | "postfix"} [form]
   */
  operator(sign, form = "infix") {
    this.add(math("mo", { form, stretchy: "false", ...OPERATOR_SPACES[sign] }, sign));
  }

  /** @param {string} words */
  words(words) {
    this.add(math("mtext", {}, words.replaceAll(" ", "\u00a0")));
  }

  /**
   * What `write` adds, in brackets if they are needed.
   * @param {boolean} needed
   * @param {() => void} write
   * @param {string} [brackets]
   */
  bracketed(needed, write, brackets = "()") {
    if (!needed) return write();
    this.operator(brackets[0], "prefix");
    this.brackets++;
    write();
    this.brackets--;
    return this.operator(brackets[1], "postfix");
  }

  /**
   * What `write` adds, as one row that does not break.
   * @param {() => void} write
   */
  row(write) {
    const { pieces } = this;
    this.pieces = [[]];
    this.depth++;
    write();
    const row = math("mrow", {}, ...this.pieces[0]);
    this.depth--;
    this.pieces = pieces;
    return row;
  }

  /** @returns {HTMLElement} */
  line() {
    const line = document.createElement("span");
    line.className = "formula-line";
    for (const piece of this.pieces) line.append(math("math", {}, ...piece), "\u200b");
    return line;
  }
}

/**
 * @param {MathMLElement} node
 * @param {string} name
 */
function withClass(node, name) {
  node.classList.add(name);
  return node;
}

const LARGEST_IN_FRACTION = 5;

/**
 * How many names and numbers it takes to write a part.
 * @param {Part} part
 * @returns {number}
 */
function sizeOfPart(part) {
  switch (part.kind) {
    case "call": return part.arguments.reduce((sum, argument) => sum + sizeOfPart(argument), 0);
    case "binary": return sizeOfPart(part.left) + sizeOfPart(part.right);
    case "negative": return sizeOfPart(part.operand);
    case "guard": return sizeOfPart(part.condition);
    case "over": return 1 + sizeOfPart(part.body);
    case "reduce": return part.terms.slice(0, LARGEST_IN_FRACTION + 1).reduce((sum, term) => sum + sizeOfPart(term.node), 0);
    default: return 1;
  }
}
