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
