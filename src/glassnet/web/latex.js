// The gradient formulas of the operations, written in LaTeX, as MathML. Only the small part of LaTeX that they use.

import { math } from "./mathml.js";

/** @type {Record<string, string>} */
const SYMBOLS = {
  alpha: "α", sigma: "σ", lambda: "λ", epsilon: "ε", eta: "η", beta: "β", pi: "π", le: "≤", ge: "≥", ne: "≠",
  lnot: "¬", sum: "∑", cdot: "·", lfloor: "⌊", rfloor: "⌋", infty: "∞", star: "⋆", ",": "\u2009", ";": "\u2005", " ": "\u2004", quad: "\u2003",
};
const OPERATOR = /^[-+=<>/()[\],:|≤≥≠¬∑·⌊⌋−]$/;

/**
 * @param {string} source
 * @returns {HTMLElement}
 */
export function latex(source) {
  const box = document.createElement("span");
  box.className = "formula formula-latex";
  box.append(math("math", {}, ...new LatexReader(source).row("")));
  return box;
}

class LatexReader {
  /** @param {string} source */
  constructor(source) {
    /** @type {string[]} */
    this.tokens = source.match(/\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|\S|\s+/g) ?? [];
    this.at = 0;
  }

  skipSpace() {
    while (/^\s+$/.test(this.tokens[this.at] ?? "")) this.at += 1;
  }

  /**
   * Everything up to the token `end`, which is taken away too.
   * @param {string} end
   * @returns {MathMLElement[]}
   */
  row(end) {
    /** @type {MathMLElement[]} */
    const nodes = [];
    for (this.skipSpace(); this.at < this.tokens.length && this.tokens[this.at] !== end; this.skipSpace()) nodes.push(this.scripted());
    this.at += 1;
    return nodes;
  }

  /** One thing with its indices and powers. */
  scripted() {
    const base = this.atom();
    /** @type {Record<string, MathMLElement>} */
    const scripts = {};
    for (this.skipSpace(); ["_", "^"].includes(this.tokens[this.at]); this.skipSpace()) {
      const place = this.tokens[this.at];
      this.at += 1;
      scripts[place] = this.group();
    }
    if (scripts._ && scripts["^"]) return math("msubsup", {}, base, scripts._, scripts["^"]);
    if (scripts._) return math("msub", {}, base, scripts._);
    return scripts["^"] ? math("msup", {}, base, scripts["^"]) : base;
  }

  /** What stands in braces, or the next single thing. */
  group() {
    this.skipSpace();
    if (this.tokens[this.at] !== "{") return this.atom();
    this.at += 1;
    return math("mrow", {}, ...this.row("}"));
  }

  /** The words in braces, as they are. */
  words() {
    this.skipSpace();
    const end = this.tokens.indexOf("}", this.at);
    const words = this.tokens.slice(this.at + 1, end).join("");
    this.at = end + 1;
    return words;
  }

  /** @returns {MathMLElement} */
  atom() {
    this.skipSpace();
    const token = this.tokens[this.at] ?? "";
    this.at += 1;
    if (token === "{") return math("mrow", {}, ...this.row("}"));
    if (token.startsWith("\\")) return this.command(token.slice(1));
    if (/^\d/.test(token)) return math("mn", {}, token);
    return leaf(token === "-" ? "−" : token);
  }

  /**
   * @param {string} name
   * @returns {MathMLElement}
   */
  command(name) {
    if (name === "bar") return math("mover", { accent: "true" }, this.group(), math("mo", { stretchy: "false" }, "‾"));
    if (name === "sqrt") return math("msqrt", {}, this.group());
    if (name === "frac" || name === "tfrac") return math("mfrac", {}, this.group(), this.group());
    if (name === "text") return math("mtext", {}, this.words().replaceAll(" ", "\u00a0"));
    if (name === "mathrm" || name === "operatorname") return math("mi", { class: "is-word" }, this.words().replaceAll("\\_", " "));
    if (name === "top") return math("mi", { class: "is-word" }, "T");
    if (["left", "right", "textstyle"].includes(name)) return this.atom();
    return leaf(SYMBOLS[name] ?? name);
  }
}

/** @param {string} symbol */
function leaf(symbol) {
  if (/^\s+$/.test(symbol)) return math("mspace", { width: symbol === "\u2003" ? "1em" : "0.17em" });
  if (OPERATOR.test(symbol)) return math("mo", { stretchy: "false", largeop: "false" }, symbol);
  return math("mi", [...symbol].length > 1 ? { class: "is-word" } : {}, symbol);
}
