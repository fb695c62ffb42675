// Rules written in the page: the syntax tree of a sum or product whose numbers are then worked out and shown like those
// of an operation's own rule.

/** @import {Expr} from "./language.js" */

/**
 * @param {number} value
 * @returns {Expr}
 */
export const literal = (value) => ["number", value];

/**
 * A cell of an array: places are numbers or letters.
 * @param {string} array
 * @param {(number | string)[]} places
 * @returns {Expr}
 */
export const cellOf = (array, ...places) => ["read", array, places.map((place) => (typeof place === "number" ? literal(place) : ["name", place]))];

/**
 * @param {string} letter that no array of the rule has for a name
 * @param {Expr} body
 * @returns {Expr}
 */
export const sumOver = (letter, body) => ["reduce", "sum", letter, body, []];

/**
 * @param {string} sign
 * @returns {(left: Expr, right: Expr) => Expr}
 */
const binary = (sign) => (left, right) => ["binary", sign, left, right];

export const plus = binary("+");
export const minus = binary("-");
export const times = binary("*");

/**
 * @param {string} name of a function
 * @param {Expr} body
 * @returns {Expr}
 */
export const applied = (name, body) => ["call", name, [body]];
