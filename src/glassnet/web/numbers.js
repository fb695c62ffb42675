// How numbers are written: 4 significant digits, a true minus sign, all digits where somebody looks closely.

const MINUS = "\u2212";
const NARROW_SPACE = "\u202f"; // never breaks
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const DIGITS = 4;

/**
 * The number that a reader of `format(value)` sees: whole numbers are kept, others have 4 significant digits.
 * @param {number} value
 * @param {number} [digits]
 */
export function shownValue(value, digits = DIGITS) {
  const large = Math.abs(value) >= 10 ** digits && Math.abs(value) < 1e7;
  if (!Number.isFinite(value) || (Number.isInteger(value) && Math.abs(value) < 1e7)) return value;
  return large ? Math.round(value) : Number(value.toExponential(digits - 1));
}

/**
 * A number for a reader: −0.0314, 128, 2.5×10⁻⁷.
 * @param {number} value
 * @param {number} [digits] significant ones
 */
export function format(value, digits = DIGITS) {
  return decimal(shownValue(value, digits));
}

/**
 * A gradient or a change: the sign always stands before it.
 * @param {number} value
 * @param {number} [digits]
 */
export function formatSigned(value, digits = DIGITS) {
  return (value > 0 ? "+" : "") + format(value, digits);
}

/**
 * Every digit that its type holds: the shortest decimal that reads back as the same number.
 * @param {number} value
 * @param {string} [dtype]
 */
export function formatFull(value, dtype = "float64") {
  if (dtype !== "float32" || !Number.isFinite(value)) return decimal(value);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return decimal(short);
  }
  return decimal(Number(value.toPrecision(9)));
}

/**
 * How many: 100 352 with narrow spaces.
 * @param {number} count
 */
export function formatCount(count) {
  return String(count).replace(/\B(?=(\d{3})+$)/g, NARROW_SPACE);
}

/**
 * The sign between a calculation and its result: "≈" where the rounded numbers on the page do not give it.
 * @param {number} calculated from the numbers as shown
 * @param {number} result
 */
export function equalsSign(calculated, result) {
  return format(calculated) === format(result) ? "=" : "≈";
}

const SMALLEST_FLOAT32 = 2 ** -126; // below it float32 keeps few digits, or none
const ROUNDING = 1e-5;

/**
 * Whether parts, multiplied and added with all their digits, give the number that was recorded, but for the rounding of
 * float32: what is added up to a small sum has errors of the size of its parts.
 * @param {number} calculated
 * @param {number} recorded
 * @param {number} parts the sum of their magnitudes
 */
export function comesOut(calculated, recorded, parts) {
  if (Object.is(calculated, recorded) || Math.fround(calculated) === recorded) return true;
  return Math.abs(calculated - recorded) <= ROUNDING * parts + SMALLEST_FLOAT32;
}

/** @param {number} value */
function decimal(value) {
  if (Number.isNaN(value)) return "NaN";
  const sign = value < 0 ? MINUS : "";
  const size = Math.abs(value);
  if (size === Infinity) return `${sign}∞`;
  const [mantissa, exponent] = size.toExponential().split("e").map(Number);
  if (size === 0 || (exponent >= -4 && exponent < 7)) return sign + String(size);
  const power = [...String(Math.abs(exponent))].map((digit) => SUPERSCRIPTS[Number(digit)]).join("");
  return `${sign}${mantissa}×10${exponent < 0 ? "⁻" : ""}${power}`;
}
