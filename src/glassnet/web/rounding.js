/** Numbers that a reader compares or adds up: rounded to the same last digit. */

import { format } from "./numbers.js";

/**
 * One last digit for several numbers: the largest gets four digits. Very small or large ones share a power of ten.
 *
 * @param {ArrayLike<number>} values
 */
export function commonDigits(values) {
  const largest = Array.from(values).reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  const magnitude = largest > 0 ? Math.floor(Math.log10(largest)) : 0;
  const exponent = magnitude < -3 || magnitude > 4 ? magnitude : 0;
  return { exponent, decimals: Math.max(0, 3 - (magnitude - exponent)) };
}

const MOST_DECIMALS = 9;

/**
 * With how many decimals a reader sees that old and change make new: four digits of the largest change; of a single
 * number a few more, where only those add up to the last one. Null where that would be too many, or nothing changes.
 *
 * @param {{before: number, change: number, after: number}[]} numbers
 */
export function sumDecimals(numbers) {
  const largest = Math.max(...numbers.map(({ change }) => Math.abs(change)));
  const usual = Math.max(0, 3 - Math.floor(Math.log10(largest)));
  if (!Number.isFinite(usual) || usual > MOST_DECIMALS) return null;
  const written = (/** @type {number} */ value, /** @type {number} */ decimals) => Math.round(Number(value.toFixed(decimals)) * 10 ** decimals);
  const addUp = (/** @type {number} */ decimals) => numbers.every(({ before, change, after }) => written(before, decimals) + written(change, decimals) === written(after, decimals));
  return (numbers.length > 1 ? [0] : [0, 1, 2]).map((more) => usual + more).find(addUp) ?? usual;
}

/**
 * A number with a fixed count of decimals and a true minus.
 *
 * @param {number} value
 * @param {number} decimals
 */
export function fixed(value, decimals) {
  if (!Number.isFinite(value)) return format(value);
  const digits = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(digits) !== 0 ? `−${digits}` : digits;
}
