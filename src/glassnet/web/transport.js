// Going through the step: buttons, keys, the phase bar, the granularity, presenter mode.

import { element } from "./element.js";
import { text } from "./messages.js";
import { moveOn } from "./placehistory.js";
import { selection } from "./selection.js";

/** @import {Moment, Phase, Trace, View} from "./trace.js" */
/** @import {Selected} from "./selection.js" */
/** @typedef {{next: () => void, back: () => void, present: () => void, isPresenting: () => boolean, fit: () => void}} Tour */

const PAUSE = 2000; // milliseconds per moment while playing
/** @type {Selected["granularity"][]} */
const GRANULARITIES = ["layer", "op", "number"];
const TYPING = "input:not([type=range]), select, textarea, [role=grid]";

/**
 * @param {Trace} trace
 * @param {Tour} tour
 * @param {Node[]} extras further controls at the end of the bar
 */
export function transport(trace, tour, extras = []) {
  const back = button("transport.back", "◀", tour.back);
  const next = button("transport.next", "▶", tour.next);
  const play = playButton(trace, tour);
  const sizes = GRANULARITIES.map((granularity) => {
    const made = button(`transport.by.${granularity}`, text(`transport.by.${granularity}`), () => choose(trace, granularity));
    made.dataset.by = granularity;
    return made;
  });
  const range = element("input", { type: "range", min: 0, step: 1, class: "transport-range", "aria-label": text("transport.range"), "data-testid": "range" });
  let dragging = false;
  range.addEventListener("input", () => {
    moveOn(dragging, () => selection.set({ step: Number(range.value) }));
    dragging = true;
  });
  range.addEventListener("change", () => { dragging = false; });
  const phases = [...new Set(trace.steps.map(({ phase }) => phase))].map((phase) => ({ phase, node: phaseButton(trace, phase) }));
  const bar = element("div", { class: "transport-phases", role: "group", "aria-label": text("transport.phases") }, ...phases.map(({ node }) => node));
  const present = button("transport.present", "", tour.present);
  present.removeAttribute("aria-label");
  const node = element(
    "nav", { class: "transport", "aria-label": text("transport.label") },
    element("div", { class: "transport-buttons" }, back, play.node, next),
    element("div", { class: "transport-way" }, bar, range),
    element("div", { class: "transport-sizes", role: "group", "aria-label": text("transport.by") }, ...sizes),
    element("div", { class: "transport-extras" }, ...extras, present),
    element("p", { class: "transport-hint label" }, text("present.leave")),
  );
  return {
    node,
    /** @param {View} view */
    update({ moment, index, count }) {
      const { granularity, route } = selection.get();
      back.disabled = index === 0;
      next.disabled = index === count - 1;
      range.max = String(count - 1);
      range.value = String(index);
      range.setAttribute("aria-valuetext", text("card.place", { step: String(index + 1), count: String(count), phase: text(`phase.${moment.phase}`), title: moment.title }));
      sizes.forEach((size) => size.setAttribute("aria-pressed", String(size.dataset.by === granularity)));
      sizes[2].disabled = !route.length;
      present.textContent = text(tour.isPresenting() ? "transport.leave" : "transport.present");
      present.setAttribute("aria-pressed", String(tour.isPresenting()));
      const moments = trace.moments(granularity, route);
      for (const { phase, node } of phases) {
        const count = moments.filter((one) => one.phase === phase).length;
        node.style.flexGrow = String(count);
        node.hidden = !count;
        node.setAttribute("aria-current", String(phase === moment.phase));
      }
      if (index === count - 1) play.stop();
    },
  };
}

/**
 * A segment of the phase bar, which leads to the first moment of its phase.
 * @param {Trace} trace
 * @param {Phase} phase
 */
function phaseButton(trace, phase) {
  const node = element("button", { type: "button", class: `transport-phase phase-${phase}`, title: text("transport.phase.hint", { phase: text(`phase.${phase}`) }), "data-testid": `phase-${phase}` }, text(`phase.${phase}`));
  node.addEventListener("click", () => {
    const { granularity, route } = selection.get();
    selection.set({ step: trace.moments(granularity, route).findIndex((one) => one.phase === phase) });
  });
  return node;
}

/**
 * @param {string} key of its name in words
 * @param {string} shown
 * @param {() => void} press
 */
function button(key, shown, press) {
  const node = element("button", { type: "button", "aria-label": text(key), title: text(`${key}.hint`), "data-testid": key.split(".").slice(1).join("-") }, shown);
  node.addEventListener("click", press);
  return node;
}

/**
 * @param {Trace} trace
 * @param {Tour} tour
 */
function playButton(trace, tour) {
  /** @type {number | undefined} */
  let timer;
  const show = () => {
    node.textContent = timer === undefined ? text("transport.play") : text("transport.pause");
    node.setAttribute("aria-pressed", String(timer !== undefined));
  };
  const stop = () => {
    window.clearInterval(timer);
    timer = undefined;
    show();
  };
  const node = button("transport.play", text("transport.play"), () => {
    if (timer !== undefined) return stop();
    const { index, count } = trace.view(selection.get());
    if (index === count - 1) selection.set({ step: 0 });
    let going = false;
    timer = window.setInterval(() => {
      moveOn(going, tour.next);
      going = true;
    }, PAUSE);
    return show();
  });
  node.removeAttribute("aria-label");
  show();
  return { node, stop };
}

/**
 * Another granularity, at the same place of the computation.
 * @param {Trace} trace
 * @param {Selected["granularity"]} granularity
 */
function choose(trace, granularity) {
  const selected = selection.get();
  const { op, moment } = trace.view(selected);
  const moments = trace.moments(granularity, selected.route);
  const tests = [
    (/** @type {Moment} */ other) => other.op === op, (/** @type {Moment} */ other) => other.step === moment.step,
    (/** @type {Moment} */ other) => other.phase === moment.phase,
  ];
  const found = tests.map((test) => moments.findIndex(test)).find((index) => index >= 0);
  selection.set({ granularity, step: found ?? 0 });
}

/**
 * The keys of the page: arrows, Home and End, P for the presenter, Escape out of it or one level away from a number.
 * @param {Trace} trace
 * @param {Tour} tour
 * @param {() => void} stepBack looks at what was opened from one level further away
 */
export function followTourKeys(trace, tour, stepBack) {
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowRight: tour.next, ArrowLeft: tour.back, PageDown: tour.next, PageUp: tour.back,
    Home: () => selection.set({ step: 0 }), End: () => selection.set({ step: trace.view(selection.get()).count - 1 }),
    p: tour.present, P: tour.present, Escape: () => (tour.isPresenting() ? tour.present() : stepBack()),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest(event.key === "Escape" ? "select" : TYPING);
    const paging = event.key.startsWith("Page") && !tour.isPresenting();
    if (typing || paging || event.ctrlKey || event.altKey || event.metaKey || !(event.key in keys)) return;
    event.preventDefault();
    moveOn(event.repeat, keys[event.key]);
  });
}
