/** Source text with its file and line numbers; names that stand for a tensor are linked to it. */

import { element, redrawn } from "./element.js";
import { link } from "./selection.js";

/**
 * @typedef {{file: string, line: number, text: string}} Source
 * @typedef {object} CodeOptions
 * @property {Source} source
 * @property {string} [title]
 * @property {Record<string, string>} [symbols] refs by the names that stand for them in the text
 * @typedef {{kind: "comment" | "string" | "number" | "keyword" | "name" | "call" | "space" | "sign", text: string}} Token
 */

const KEYWORDS = new Set(
  ("and as assert async await break class continue def del elif else except False finally for from global if import in is " +
    "lambda None nonlocal not or pass raise return True try while with yield").split(" "),
);

const TOKEN = new RegExp(
  [
    "(?<comment>#[^\\n]*)",
    "(?<string>[rbfuRBFU]{0,2}(?:\"\"\"[\\s\\S]*?(?:\"\"\"|$)|'''[\\s\\S]*?(?:'''|$)|\"(?:\\\\.|[^\"\\\\\\n])*\"?|'(?:\\\\.|[^'\\\\\\n])*'?))",
    "(?<number>(?:0[xX][\\da-fA-F_]+|\\d[\\d_]*\\.?[\\d_]*(?:[eE][+-]?\\d+)?|\\.\\d[\\d_]*(?:[eE][+-]?\\d+)?)j?)",
    "(?<name>[\\p{L}_][\\p{L}\\p{N}_]*)",
    "(?<space>\\s+)",
    "(?<sign>[^])",
  ].join("|"),
  "gu",
);

/**
 * @param {CodeOptions} options
 * @returns {{node: HTMLElement, update: (options: Partial<CodeOptions>) => void}}
 */
export function code(options) {
  const node = element("figure", { class: "view code" });
  return redrawn(node, options, (options) => {
    const { source, title, symbols = {} } = options;
    const place = element("span", { class: "view-shape code-place" }, `${source.file}:${source.line}`);
    const listing = element("pre", { class: "code-text", tabindex: 0 }, element("code", {}, ...codeLines(source, symbols)));
    node.replaceChildren(element("figcaption", { class: "view-title" }, title ?? null, place), listing);
  });
}

/**
 * The tokens of a Python text, in order; their texts joined are the whole text. Unfinished strings end with the line.
 *
 * @param {string} python
 * @returns {Token[]}
 */
export function pythonTokens(python) {
  return Array.from(python.matchAll(TOKEN), (match) => {
    const [[kind, part]] = Object.entries(match.groups ?? {}).filter(([, found]) => found !== undefined);
    if (kind !== "name") return /** @type {Token} */ ({ kind, text: part });
    const isCall = python[(match.index ?? 0) + part.length] === "(";
    return { kind: KEYWORDS.has(part) ? "keyword" : isCall ? "call" : "name", text: part };
  });
}

/**
 * @param {Source} source
 * @param {Record<string, string>} symbols
 */
function codeLines({ text, line }, symbols) {
  const lines = [codeLine(line)];
  for (const token of pythonTokens(dedent(text))) {
    const parts = token.text.split("\n");
    parts.forEach((part, index) => {
      if (index) lines.push(codeLine(line + lines.length));
      if (!lines[lines.length - 1].textContent) lines[lines.length - 1].style.setProperty("--indent", String(part.length - part.trimStart().length));
      if (part) lines[lines.length - 1].append(tokenNode({ ...token, text: part }, symbols));
    });
  }
  return lines;
}

/** @param {number} number */
function codeLine(number) {
  return element("span", { class: "code-line", "data-line": number });
}

/**
 * A text without the indentation that all its lines share.
 *
 * @param {string} text
 */
function dedent(text) {
  const lines = text.replace(/\s+$/, "").split("\n");
  const indents = lines.filter((line) => line.trim()).map((line) => line.length - line.trimStart().length);
  const shared = Math.min(...indents, Infinity);
  return lines.map((line) => line.slice(Number.isFinite(shared) ? shared : 0)).join("\n");
}

/**
 * @param {Token} token
 * @param {Record<string, string>} symbols
 * @returns {Node | string}
 */
function tokenNode({ kind, text }, symbols) {
  if (kind === "space" || kind === "sign") return text;
  const node = element("span", { class: `code-${kind}` }, text);
  const isNamed = (kind === "name" || kind === "call") && Object.hasOwn(symbols, text);
  return isNamed ? link(node, symbols[text]) : node;
}
