// Going on and back; for a presenter in smaller bites: one thing at a time, as large as the screen allows.

import { selection } from "./selection.js";

/** @import {Trace} from "./trace.js" */
/** @import {Tour} from "./transport.js" */
/** @typedef {{node: HTMLElement, lay: (columns: number, sizes?: {room?: number}) => void}} Pictures */

const SLIDES = ["words", "stage", "formula", "numbers", "code"];
const LARGEST = 3; // times the usual size, on a screen of this many pixels:
const SCREEN = { width: 1280, height: 720 };
const STRIP_SHARE = 0.45; // of the screen's height, at most
const PICTURE_SHARE = 0.57; // of the screen's height, for the cells of one picture
const TRIES = 5;
const STAGE_SIZES = [1.1, 1.25, 1.45, 1.7, 2, 2.4]; // few: at each of them the pictures are drawn anew
const WIDE = ".flow, .formula, .numbers-line, .code-text, .view-scroll, .nodelink";

/**
 * @param {Trace} trace
 * @param {(part: number) => number} fit lays out a part of the slide that is shown, or the whole page again; tells how
 *   many parts there are
 * @returns {Tour}
 */
export function tourOf(trace, fit) {
  let slide = -1; // the thing that is shown; −1 while the whole page is
  let [part, parts] = [0, 1]; // of a slide that is too long for one screen
  const refit = () => {
    parts = fit(part);
    part = Math.min(part, parts - 1);
  };
  selection.subscribe((_, changed) => { if (changed.has("step")) part = 0; });
  /**
   * @param {number} next
   * @param {number} [from]
   */
  const show = (next, from = 0) => {
    [slide, part] = [next, from];
    if (slide < 0) delete document.documentElement.dataset.slide;
    else document.documentElement.dataset.slide = SLIDES[slide];
    refit();
  };
  /** @param {1 | -1} by */
  const move = (by) => {
    const { index, count } = trace.view(selection.get());
    if (slide >= 0 && part + by >= 0 && part + by < parts) {
      part += by;
      return refit();
    }
    if (slide >= 0 && SLIDES[slide + by]) return show(slide + by, by > 0 ? 0 : Infinity);
    if (index + by < 0 || index + by >= count) return undefined;
    if (slide >= 0) show(by > 0 ? 0 : SLIDES.length - 1);
    return selection.set({ step: index + by });
  };
  return { next: () => move(1), back: () => move(-1), present: () => show(slide < 0 ? 0 : -1), isPresenting: () => slide >= 0, fit: refit };
}

/**
 * Makes what a slide shows as large as it can be without scrolling.
 * @param {HTMLElement} page
 * @param {Pictures} pictures
 * @param {number} part of a slide that takes several screens
 * @returns {number} how many parts there are
 */
export function fitSlide(page, pictures, part) {
  const { slide } = document.documentElement.dataset;
  const set = (/** @type {string} */ name) => (/** @type {number} */ size) => page.style.setProperty(name, String(size));
  const [setHead, setStrip, setSlide] = ["--head-size", "--strip-size", "--slide-size"].map(set);
  const screen = Math.max(1, Math.min(innerWidth / SCREEN.width, innerHeight / SCREEN.height));
  setHead(screen);
  setSlide(1);
  pictures.lay(1);
  showUnits(page, null);
  if (!slide) return 1;
  if (slide === "words") {
    const strip = /** @type {HTMLElement} */ (page.querySelector(".flow"));
    grow(setStrip, LARGEST * screen, () => !isCut(strip) && strip.getBoundingClientRect().height <= STRIP_SHARE * innerHeight);
  }
  const parts = slide === "stage" ? fitStage(page, pictures, setSlide, part) : 1;
  if (slide !== "stage") grow(setSlide, LARGEST * screen, () => isSeen(page));
  for (const canvas of page.querySelectorAll(".picture-canvas")) canvas.dispatchEvent(new Event("redraw")); // as sharp as before
  return parts;
}

/**
 * Pictures at the largest size at which they are all seen, in one column or in two; those that do not fit on one screen
 * together are shown one screenful after the other.
 * @param {HTMLElement} page
 * @param {Pictures} pictures
 * @param {(size: number) => void} setSize
 * @param {number} part
 * @returns {number} how many screens they take
 */
function fitStage(page, pictures, setSize, part) {
  const screens = [1, 2].map((columns) => {
    pictures.lay(columns, { room: PICTURE_SHARE * innerHeight });
    return screensOf(page);
  }).reduce((one, two) => (two.length < one.length ? two : one));
  const shown = screens[Math.min(part, screens.length - 1)];
  const lay = (/** @type {number} */ size, /** @type {number} */ columns) => {
    setSize(size);
    pictures.lay(columns, { room: (PICTURE_SHARE * innerHeight) / size });
    showUnits(page, shown);
    return isSeen(page);
  };
  let best = { size: 1, columns: 1 };
  for (const size of [1, ...STAGE_SIZES]) {
    const columns = [1, 2].find((count) => lay(size, count));
    if (!columns) break;
    best = { size, columns };
  }
  lay(best.size, best.columns);
  const place = screens.length > 1 ? `${screens.indexOf(shown) + 1} / ${screens.length}` : "";
  /** @type {HTMLElement} */ (page.querySelector(".stage-trail")).dataset.screen = place;
  return screens.length;
}

/**
 * The pictures in screenfuls: as many as fit, in their order. One that is too large for a screen falls into its terms.
 * @param {HTMLElement} page
 * @returns {string[][]} numbers of pictures, or of a picture and one of its terms, for each screen
 */
function screensOf(page) {
  const fits = (/** @type {string[]} */ units) => {
    showUnits(page, units);
    return isSeen(page);
  };
  const units = [...page.querySelectorAll(".stage-body > *")].flatMap((picture, at) => {
    const isWholeUnit = !picture.matches(".stage-equation") || fits([String(at)]);
    return isWholeUnit ? [String(at)] : Array.from(picture.children, (_, term) => `${at}.${term}`);
  });
  /** @type {string[][]} */
  const screens = [];
  for (const unit of units) {
    const last = screens.at(-1);
    if (last && fits([...last, unit])) last.push(unit);
    else screens.push([unit]);
  }
  return screens;
}

/**
 * @param {HTMLElement} page
 * @param {string[] | null} units all, where none are named
 */
function showUnits(page, units) {
  [...page.querySelectorAll(".stage-body > *")].forEach((picture, at) => {
    const isShown = units === null || units.includes(String(at));
    const terms = Array.from(picture.children, (_, term) => isShown || units.includes(`${at}.${term}`));
    picture.classList.toggle("is-off", !isShown && !terms.includes(true));
    Array.from(picture.children).forEach((term, place) => term.classList.toggle("is-off", !terms[place] && terms.includes(true)));
  });
}

/** @param {HTMLElement} page */
function isSeen(page) {
  return isWhole(page) && height() <= innerHeight;
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
