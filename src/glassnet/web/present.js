// Going on and back; for a presenter in smaller bites: one thing at a time, as large as the screen allows.

import { selection } from "./selection.js";

/** @import {Trace} from "./trace.js" */
/** @import {Tour} from "./transport.js" */
/** @typedef {{node: HTMLElement, lay: (columns: number) => void}} Pictures */

const SLIDES = ["words", "stage", "formula", "numbers", "code"];
const LARGEST = 3; // times the usual size, on a screen of this many pixels:
const SCREEN = { width: 1280, height: 720 };
const STRIP_SHARE = 0.45; // of the screen's height, at most
const TRIES = 5;
const STAGE_SIZES = [1.1, 1.25, 1.45, 1.7, 2, 2.4]; // few: at each of them the pictures are drawn anew
const WIDE = ".flow, .formula, .numbers-line, .code-text, .view-scroll, .nodelink";

/**
 * @param {Trace} trace
 * @param {() => void} onslide another slide is shown, or the whole page again
 * @returns {Tour}
 */
export function tourOf(trace, onslide) {
  let slide = -1; // the thing that is shown; −1 while the whole page is
  /** @param {number} next */
  const show = (next) => {
    slide = next;
    if (slide < 0) delete document.documentElement.dataset.slide;
    else document.documentElement.dataset.slide = SLIDES[slide];
    onslide();
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

/**
 * Makes what a slide shows as large as it can be without scrolling.
 * @param {HTMLElement} page
 * @param {Pictures} pictures
 */
export function fitSlide(page, pictures) {
  const { slide } = document.documentElement.dataset;
  const set = (/** @type {string} */ name) => (/** @type {number} */ size) => page.style.setProperty(name, String(size));
  const [setHead, setStrip, setSlide] = ["--head-size", "--strip-size", "--slide-size"].map(set);
  const screen = Math.max(1, Math.min(innerWidth / SCREEN.width, innerHeight / SCREEN.height));
  setHead(screen);
  setSlide(1);
  pictures.lay(1);
  if (!slide) return;
  if (slide === "words") {
    const strip = /** @type {HTMLElement} */ (page.querySelector(".flow"));
    grow(setStrip, LARGEST * screen, () => !isCut(strip) && strip.getBoundingClientRect().height <= STRIP_SHARE * innerHeight);
  }
  if (slide === "stage") fitStage(page, pictures, setSlide);
  else grow(setSlide, LARGEST * screen, () => isWhole(page) && height() <= innerHeight);
  for (const canvas of page.querySelectorAll(".picture-canvas")) canvas.dispatchEvent(new Event("redraw")); // as sharp as before
}

/**
 * The largest size at which all pictures are seen, in one column or in two; else the columns that leave least to scroll.
 * @param {HTMLElement} page
 * @param {Pictures} pictures
 * @param {(size: number) => void} setSize
 */
function fitStage(page, pictures, setSize) {
  const lay = (/** @type {number} */ size, /** @type {number} */ columns) => {
    setSize(size);
    pictures.lay(columns);
    return isWhole(page) ? height() : Infinity;
  };
  const [one, two] = [1, 2].map((columns) => lay(1, columns));
  let best = { size: 1, columns: two < one ? 2 : 1 };
  for (const size of Math.min(one, two) > innerHeight ? [] : STAGE_SIZES) {
    const columns = [1, 2].find((count) => lay(size, count) <= innerHeight);
    if (!columns) break;
    best = { size, columns };
  }
  lay(best.size, best.columns);
}

/**
 * Finds the largest size from 1 on that fits, by halving.
 * @param {(size: number) => void} setSize
 * @param {number} most
 * @param {() => boolean} isFitting
 */
function grow(setSize, most, isFitting) {
  let [fitting, tooLarge] = [1, Math.max(most, 1)];
  for (let tried = 0; tried < TRIES; tried += 1) {
    const size = (fitting + tooLarge) / 2;
    setSize(size);
    if (isFitting()) fitting = size;
    else tooLarge = size;
  }
  setSize(fitting);
}

/** @param {HTMLElement} page */
function isWhole(page) {
  return ![...page.querySelectorAll(WIDE)].some(isCut);
}

/** @param {Element} node */
function isCut({ scrollWidth, clientWidth }) {
  return scrollWidth > clientWidth + 1;
}

const height = () => document.documentElement.scrollHeight;
