// The browser's Back and Forward: every place that the reader goes to is an entry of the history, and the address of
// the page leads to it. A page inside a notebook has neither.

import { readHash, selection, writeHash } from "./selection.js";

/** @import {Selected} from "./selection.js" */

const HAS_ADDRESS = location.protocol !== "about:";

/** What becomes of a change of place: an entry of its own, the entry of the place that was left, or none.
 * @type {"push" | "replace" | "none"} */
let entry = "push";

/**
 * Goes somewhere. A movement through many places, such as a drag or a key held down, makes one entry: its first step
 * goes there, and each later one goes on.
 * @param {boolean} goesOn
 * @param {() => void} go
 */
export function moveOn(goesOn, go) {
  withEntry(goesOn ? "replace" : "push", go);
}

/**
 * Chooses the place that the address names, now and whenever the reader goes back or forward.
 * @param {Partial<Selected>} usual what an address need not say
 */
export function followAddress(usual) {
  const choose = () => selection.set({ ...usual, ...readHash(location.hash) });
  choose();
  window.addEventListener("popstate", () => withEntry("none", choose));
}

/**
 * The address leads back to this view.
 * @param {Selected} selected
 * @param {string[]} usualRoute which needs no mention
 */
export function rememberPlace(selected, usualRoute) {
  const route = String(selected.route) === String(usualRoute) ? [] : selected.route;
  const address = writeHash({ ...selected, route, ref: "" });
  if (!HAS_ADDRESS || entry === "none" || address === location.hash) return;
  if (entry === "push") history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

/**
 * @param {typeof entry} kind
 * @param {() => void} go
 */
function withEntry(kind, go) {
  const before = entry;
  entry = kind;
  try {
    go();
  } finally {
    entry = before;
  }
}
