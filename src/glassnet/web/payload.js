// Arrays that Python wrote as text (web/payload.py), back as typed arrays.

/** @typedef {{buffer: string, dtype: string}} Encoded text and type of one array, as in the `tensors` of a trace */
/** @typedef {Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array | Uint32Array} Numbers */

/** @type {Record<string, (bytes: ArrayBuffer) => Numbers>} */
const READERS = {
  float32: (bytes) => new Float32Array(bytes),
  float64: (bytes) => new Float64Array(bytes),
  bool: (bytes) => new Uint8Array(bytes),
  uint8: (bytes) => new Uint8Array(bytes),
  uint16: (bytes) => new Uint16Array(bytes),
  uint32: (bytes) => new Uint32Array(bytes),
  uint64: (bytes) => Float64Array.from(new BigUint64Array(bytes), Number),
  int8: (bytes) => new Int8Array(bytes),
  int16: (bytes) => new Int16Array(bytes),
  int32: (bytes) => new Int32Array(bytes),
  int64: (bytes) => Float64Array.from(new BigInt64Array(bytes), Number),
};

/**
 * The numbers of an encoded array; 64-bit integers become float64, which holds them exactly up to 2^53.
 * @param {Encoded} encoded
 * @returns {Promise<Numbers>}
 */
export async function decode({ buffer, dtype }) {
  const read = READERS[dtype];
  if (!read) throw new Error(`payload: cannot read dtype ${dtype}`);
  const packed = Uint8Array.from(atob(buffer), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const shuffled = new Uint8Array(await new Response(stream).arrayBuffer());
  return read(unshuffled(shuffled, bytesPerNumber(dtype)));
}

/**
 * A float32 array that was stored as the bits in which it differs from another one, or from what a running mean makes of
 * it: a share of the old value, and of something new, or its square, the rest.
 * @param {ArrayLike<number> | null} before float32
 * @param {ArrayLike<number> | null} difference uint32
 * @param {number} factor
 * @param {ArrayLike<number> | null} [added] float32
 * @param {number} [power] of what is added
 */
export function addChange(before, difference, factor, added = null, power = 0) {
  let told = /** @type {Float32Array} */ (before); // whose numbers are exact in 64 bits, then rounded once
  if (factor !== 1) told = told.map((number) => number * Math.fround(factor));
  if (added && power) {
    const rest = Math.fround(1 - factor);
    told = told.map((number, at) => number + Math.fround((power === 2 ? Math.fround(added[at] * added[at]) : added[at]) * rest));
  }
  const bits = new Uint32Array(told.buffer);
  const sums = Uint32Array.from(/** @type {Uint32Array} */ (difference), (bit, position) => bit + bits[position]);
  return new Float32Array(sums.buffer);
}

/**
 * @param {string} dtype
 */
function bytesPerNumber(dtype) {
  return dtype === "bool" ? 1 : Number(dtype.replace(/\D+/, "")) / 8;
}

/**
 * The bytes of each number side by side again.
 * @param {Uint8Array} shuffled
 * @param {number} size bytes per number
 */
function unshuffled(shuffled, size) {
  const count = shuffled.length / size;
  const bytes = new Uint8Array(shuffled.length);
  for (let byte = 0; byte < size; byte++) {
    for (let i = 0; i < count; i++) bytes[i * size + byte] = shuffled[byte * count + i];
  }
  return bytes.buffer;
}
