/**
 * From numbers to colours. One signed scale, symmetric about zero, for values (blue and orange) and for gradients
 * (purple and green); cividis for probabilities and ink for images, both from zero up. A number beyond the limit is
 * clipped (its cell gets a notch); a number that is not finite has no colour (its cell is hatched).
 *
 * @typedef {"value" | "gradient" | "probability" | "ink"} ScaleKind
 * @typedef {{kind: ScaleKind, limit: number}} Scale
 * @typedef {[number, number, number]} Rgb
 */

const CIVIDIS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];
const TABLE_HALF = 255;
/** Colours of a colour table, from −limit to +limit. */
export const TABLE_STEPS = 2 * TABLE_HALF + 1;

/**
 * The scale that suits a role: gradients have their own, the model's images are ink, all else is a signed value.
 *
 * @param {{role: string, data: ArrayLike<number>}} array
 * @param {number[] | null} image rows and columns of the model's images, null for tables
 * @returns {ScaleKind}
 */
export function scaleKind(array, image) {
  if (array.role === "grad") return "gradient";
  return array.role === "input" && image && Array.from(array.data).every((value) => !(value < 0)) ? "ink" : "value";
}

/**
 * The limit of a scale: the 99.5th percentile of the magnitudes, so that one outlier does not wash out the rest. Up to
 * 200 numbers it is their maximum, and for ink always. A probability's limit is 1.
 *
 * @param {ArrayLike<number>} data
 * @param {ScaleKind} kind
 */
export function limitOf(data, kind) {
  const magnitudes = sortedMagnitudes(data);
  if (magnitudes.length === 0) return 1;
  const largest = magnitudes.at(-1) || 1;
  const limit = kind === "ink" ? largest : magnitudes[Math.ceil(0.995 * magnitudes.length) - 1] || largest;
  return kind === "probability" && limit <= 1 ? 1 : limit;
}

/** @type {WeakMap<ArrayLike<number>, {kind: ScaleKind, limit: number}>} */
const keptLimits = new WeakMap();

/**
 * The limit of a scale for numbers that stay as they are, computed once: sorting 100 352 takes longer than drawing them.
 *
 * @param {ArrayLike<number>} data
 * @param {ScaleKind} kind
 */
export function keptLimit(data, kind) {
  const known = keptLimits.get(data);
  if (known?.kind === kind) return known.limit;
  const limit = limitOf(data, kind);
  keptLimits.set(data, { kind, limit });
  return limit;
}

/**
 * The magnitudes of the finite numbers, smallest first. A loop: array methods take 10 times as long for 100 000.
 *
 * @param {ArrayLike<number>} data
 */
function sortedMagnitudes(data) {
  const magnitudes = new Float64Array(data.length);
  let count = 0;
  for (let index = 0; index < data.length; index += 1) {
    if (Number.isFinite(data[index])) magnitudes[count++] = Math.abs(data[index]);
  }
  return magnitudes.subarray(0, count).sort();
}

/**
 * How many numbers are not finite, and how many lie beyond a limit.
 *
 * @param {ArrayLike<number>} data
 * @param {number} [limit]
 */
export function countUncolored(data, limit = Infinity) {
  let [notFinite, clipped] = [0, 0];
  for (let index = 0; index < data.length; index += 1) {
    if (!Number.isFinite(data[index])) notFinite += 1;
    else if (isClipped(data[index], limit)) clipped += 1;
  }
  return { notFinite, clipped };
}

/**
 * Whether a number lies beyond the limit by more than rounding.
 *
 * @param {number} value
 * @param {number} limit
 */
export function isClipped(value, limit) {
  return Math.abs(value) > limit * (1 + 1e-6);
}

/**
 * Whether a scale goes to both sides of zero.
 *
 * @param {ScaleKind} kind
 */
export function isSigned(kind) {
  return kind === "value" || kind === "gradient";
}

const darkScreen = matchMedia("(prefers-color-scheme: dark)");
/** @type {Map<string, any>} */
const keptOfTheme = new Map();

/**
 * What depends on the theme alone, found once for each: a style that is asked for makes the browser restyle the page.
 *
 * @template Found
 * @param {string} name
 * @param {() => Found} find
 * @returns {Found}
 */
function ofTheme(name, find) {
  const key = [document.documentElement.dataset.theme, darkScreen.matches, name].join();
  if (!keptOfTheme.has(key)) keptOfTheme.set(key, find());
  return keptOfTheme.get(key);
}

/**
 * The theme's colour under a name, as the browser resolves it.
 *
 * @param {string} name a custom property without its dashes
 * @returns {Rgb}
 */
export function themeColor(name) {
  return ofTheme(name, () => hexToRgb(getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()));
}

/**
 * @param {string} hex
 * @returns {Rgb}
 */
export function hexToRgb(hex) {
  const digits = hex.length === 4 ? hex.slice(1).replace(/./g, "$&$&") : hex.slice(1);
  const channel = (/** @type {number} */ at) => Number.parseInt(digits.slice(at, at + 2), 16) || 0;
  return [channel(0), channel(2), channel(4)];
}

/**
 * The colour stops of a scale from its lowest to its highest number, in today's theme.
 *
 * @param {ScaleKind} kind
 * @returns {Rgb[]}
 */
function colorStops(kind) {
  if (kind === "probability") return CIVIDIS.map(hexToRgb);
  const zero = themeColor("surface");
  if (kind === "ink") return [zero, themeColor("ink")];
  return [themeColor(`${kind}-minus`), zero, themeColor(`${kind}-plus`)];
}

/**
 * Colours of 511 steps from −limit to +limit, three bytes each. Scales from zero up use the upper half.
 *
 * @param {ScaleKind} kind
 */
export function colorTable(kind) {
  return ofTheme(`table of ${kind}`, () => {
    const stops = colorStops(kind);
    const table = new Uint8ClampedArray(3 * TABLE_STEPS);
    for (let step = -TABLE_HALF; step <= TABLE_HALF; step += 1) {
      const share = isSigned(kind) ? (step + TABLE_HALF) / (2 * TABLE_HALF) : Math.max(step, 0) / TABLE_HALF;
      table.set(mixStops(stops, share), 3 * (step + TABLE_HALF));
    }
    return table;
  });
}

/**
 * @param {Rgb[]} stops
 * @param {number} share from 0, the first stop, to 1, the last
 * @returns {Rgb}
 */
export function mixStops(stops, share) {
  const at = Math.min(Math.floor(share * (stops.length - 1)), stops.length - 2);
  const [low, high] = [stops[at], stops[at + 1]];
  const part = share * (stops.length - 1) - at;
  const channel = (/** @type {0 | 1 | 2} */ index) => low[index] + part * (high[index] - low[index]);
  return [channel(0), channel(1), channel(2)];
}

/**
 * Where a number's colour begins in a colour table.
 *
 * @param {number} value finite
 * @param {number} limit
 */
export function colorIndex(value, limit) {
  const share = Math.max(-1, Math.min(1, value / limit));
  return 3 * (Math.round(share * TABLE_HALF) + TABLE_HALF);
}

/**
 * Whether dark text reads better than light text on a colour (relative luminance above the crossing point).
 *
 * @param {ArrayLike<number>} color
 */
export function takesDarkText(color) {
  const linear = Array.from(color, (byte) => ((byte / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * (linear[0]) + 0.7152 * (linear[1]) + 0.0722 * (linear[2]) > 0.18;
}

let watching = false;

/** From now on every `.picture-canvas` and `.lens-table` gets the event `redraw` when the page turns light or dark. */
export function watchTheme() {
  if (watching) return;
  watching = true;
  const redraw = () => document.querySelectorAll(".picture-canvas, .lens-table").forEach((canvas) => canvas.dispatchEvent(new Event("redraw")));
  new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  darkScreen.addEventListener("change", redraw);
}
