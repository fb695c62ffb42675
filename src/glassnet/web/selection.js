// What the reader looks at: one small store that every view listens to, and its form in the page's address.
//
// A ref names a number anywhere on the page: dense/kernel@0[300,37] is one cell, dense/kernel@0 the whole tensor.

/**
 * `ref` is what the pointer or the focus is on, `pinned` what was chosen to stay; `route` the cells of the chain.
 * @typedef {{step: number, granularity: "layer" | "op" | "number", ref: string, pinned: string, route: string[],
 *   theme: "system" | "light" | "dark"}} Selected
 */
/** @typedef {(selected: Selected, changed: Set<keyof Selected>) => void} Listener */

/** @type {Selected} */
const selected = { step: 0, granularity: "layer", ref: "", pinned: "", route: [], theme: "system" };
/** @type {Set<Listener>} */
const listeners = new Set();

/** The store. `set` tells the listeners once, and only if something became different. */
export const selection = {
  /** @returns {Readonly<Selected>} */
  get: () => selected,

  /** @param {Partial<Selected>} changes */
  set(changes) {
    const keys = /** @type {(keyof Selected)[]} */ (Object.keys(changes));
    const changed = new Set(keys.filter((key) => String(changes[key]) !== String(selected[key])));
    if (!changed.size) return;
    Object.assign(selected, changes);
    for (const listener of [...listeners]) listener(selected, changed);
  },

  /**
   * @param {Listener} listener
   * @returns {() => void} ends the subscription
   */
  subscribe(listener) {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },
};

// ---------------------------------------------------------------- refs

/**
 * The ref of one cell; a scalar has no brackets.
 * @param {string} tensor
 * @param {number[]} cell
 */
export function writeRef(tensor, cell) {
  return cell.length ? `${tensor}[${cell.join(",")}]` : tensor;
}

/**
 * The tensor and the cell of a ref; the cell is empty where the ref names the whole tensor.
 * @param {string} ref
 * @returns {{tensor: string, cell: number[]}}
 */
export function readRef(ref) {
  const match = /^(.*)\[(\d+(?:,\d+)*)\]$/s.exec(ref);
  return match ? { tensor: match[1], cell: match[2].split(",").map(Number) } : { tensor: ref, cell: [] };
}

// ---------------------------------------------------------------- nodes that show the same number

/**
 * Make a node stand for a number or a tensor: pointing at it or focusing it selects its ref, Enter or a click pins it.
 * @template {Element} Made
 * @param {Made} node
 * @param {string} ref
 * @returns {Made}
 */
export function link(node, ref) {
  node.setAttribute("data-ref", ref);
  node.setAttribute("tabindex", "0");
  for (const event of ["pointerenter", "focus"]) node.addEventListener(event, () => selection.set({ ref }));
  for (const event of ["pointerleave", "blur"]) node.addEventListener(event, () => leave(ref));
  node.addEventListener("click", () => togglePin(ref));
  if (node instanceof HTMLButtonElement) return node; // which Enter clicks by itself
  node.addEventListener("keydown", (event) => {
    if (/** @type {KeyboardEvent} */ (event).key === "Enter") togglePin(ref);
  });
  return node;
}

/** @param {string} ref */
function leave(ref) {
  if (selection.get().ref === ref) selection.set({ ref: "" });
}

/** @param {string} ref */
function togglePin(ref) {
  selection.set({ pinned: selection.get().pinned === ref ? "" : ref });
}

/**
 * Outline every node that shows the number of the selected ref, and of the pinned one.
 * @param {ParentNode} root
 * @param {Pick<Selected, "ref" | "pinned">} refs
 */
export function markLinked(root, { ref, pinned }) {
  for (const node of root.querySelectorAll("[data-ref]")) {
    const own = node.getAttribute("data-ref");
    node.classList.toggle("is-linked", own !== "" && own === ref);
    node.classList.toggle("is-pinned", own !== "" && own === pinned);
  }
}

// ---------------------------------------------------------------- the address

/**
 * The part of the address after `#` that leads to the same view: #step=6&ref=dense%2Fkernel%400%5B300%2C37%5D.
 * @param {Selected} state
 */
export function writeHash({ step, granularity, ref, pinned, route }) {
  const parts = new URLSearchParams();
  parts.set("step", String(step));
  if (granularity !== "layer") parts.set("by", granularity);
  if (pinned || ref) parts.set("ref", pinned || ref);
  for (const cell of route) parts.append("route", cell);
  return `#${parts}`;
}

/**
 * What such an address says; what it does not say is left out, what makes no sense is ignored.
 * @param {string} hash
 * @returns {Partial<Selected>}
 */
export function readHash(hash) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  /** @type {Partial<Selected>} */
  const state = {};
  const step = parts.get("step");
  const by = parts.get("by");
  const ref = parts.get("ref");
  const route = parts.getAll("route");
  if (step && /^\d+$/.test(step)) state.step = Number(step);
  if (by === "layer" || by === "op" || by === "number") state.granularity = by;
  if (ref) state.pinned = ref;
  if (route.length) state.route = route;
  return state;
}
