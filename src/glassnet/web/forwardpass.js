/**
 * The forward pass of a trace, computed anew for other inputs: every operation by its index rule. Nothing here knows
 * what a layer is; a new kind of layer works as soon as its operations have rules.
 *
 * @typedef {object} TracedTensor
 * @property {number} id
 * @property {string} ref
 * @property {string} role
 * @property {number[]} shape
 * @property {string} dtype
 * @property {string | null} buffer
 * @typedef {{op: string, rule: string, reads: number[], inputs: string[], writes: number[], outputs: string[],
 *   attrs: Record<string, unknown>}} TracedOp
 * @typedef {{rules: Record<string, import("./language.js").Statement[]>, tensors: TracedTensor[], ops: TracedOp[]}} ForwardTrace
 * @typedef {{shape: number[], data: Float64Array, ref: string, role: string}} LiveTensor
 */

import { decode } from "./payload.js";
import { compile } from "./rules.js";

/**
 * Compiles a trace once; `run` then takes the numbers of its input and renews every tensor in place.
 *
 * @param {ForwardTrace} trace
 * @returns {Promise<{tensors: LiveTensor[], run: (input: ArrayLike<number>) => void}>}
 */
export async function compileForward(trace) {
  const tensors = await Promise.all(trace.tensors.map(liveTensor));
  const runs = trace.ops.map((op) => compileOp(op, tensors, trace.rules));
  const entry = tensors.find(({ role }) => role === "input");
  return {
    tensors,
    run(input) {
      entry?.data.set(input);
      for (const run of runs) run();
    },
  };
}

/**
 * @param {TracedTensor} tensor
 * @returns {Promise<LiveTensor>}
 */
async function liveTensor({ shape, ref, role, buffer, dtype }) {
  const size = shape.reduce((product, length) => product * length, 1);
  const data = buffer === null ? new Float64Array(size) : Float64Array.from(await decode({ buffer, dtype }));
  return { shape, ref, role, data };
}

/**
 * @param {TracedOp} op
 * @param {LiveTensor[]} tensors
 * @param {ForwardTrace["rules"]} rules
 * @returns {() => void}
 */
function compileOp({ rule, reads, inputs, writes, outputs, attrs }, tensors, rules) {
  const results = writes.map((id) => tensors[id]);
  const arrays = Object.fromEntries(inputs.map((name, at) => [name, tensors[reads[at]]]));
  const shapes = Object.fromEntries(outputs.map((name, at) => [name, results[at].shape]));
  const kernels = compile(rules[rule], arrays, attrs, shapes);
  return () => {
    for (const { target, all } of kernels) {
      const found = all();
      const at = outputs.indexOf(target);
      if (at >= 0) results[at].data.set(found);
    }
  };
}
