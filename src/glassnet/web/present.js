// Going on and back; for a presenter in smaller bites: one thing at a time, in large type.

import { selection } from "./selection.js";

/** @import {Trace} from "./trace.js" */
/** @import {Tour} from "./transport.js" */

const SLIDES = ["words", "stage", "formula", "numbers", "code"];

/**
 * @param {Trace} trace
 * @returns {Tour}
 */
export function tourOf(trace) {
  let slide = -1; // the thing that is shown; −1 while the whole page is
  /** @param {number} next */
  const show = (next) => {
    slide = next;
    if (slide < 0) delete document.documentElement.dataset.slide;
    else document.documentElement.dataset.slide = SLIDES[slide];
  };
  /** @param {1 | -1} by */
  const move = (by) => {
    const { index, count } = trace.view(selection.get());
    if (slide >= 0 && SLIDES[slide + by]) return show(slide + by);
    if (index + by < 0 || index + by >= count) return undefined;
    if (slide >= 0) show(by > 0 ? 0 : SLIDES.length - 1);
    return selection.set({ step: index + by });
  };
  return { next: () => move(1), back: () => move(-1), present: () => show(slide < 0 ? 0 : -1), isPresenting: () => slide >= 0 };
}
