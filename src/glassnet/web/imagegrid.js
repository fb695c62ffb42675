/** Small images with a caption each, to be chosen: the samples behind a confusion cell, or the worst mistakes. */

import { element, redrawn } from "./element.js";
import { text } from "./messages.js";
import { limitOf } from "./scale.js";
import { thumbnail } from "./thumbnail.js";

/**
 * @typedef {{array: import("./arrays.js").ArrayView, caption: string, note?: string, words: string, isWrong?: boolean}}
 *   GridImage `words`: all about it, for a screen reader
 * @typedef {object} ImageGridOptions
 * @property {string} title
 * @property {GridImage[]} images
 * @property {number[]} image rows and columns
 * @property {number} [size] CSS pixels of an image
 * @property {number} [most] how many are drawn; the others are counted
 * @property {number} [selected]
 * @property {(index: number) => void} [onpick]
 */

/**
 * @param {ImageGridOptions} options
 * @returns {{node: HTMLElement, update: (options: Partial<ImageGridOptions>) => void}}
 */
export function imagegrid(options) {
  const node = element("figure", { class: "view imagegrid" });
  return redrawn(node, options, (options) => {
    const { title, images, most = 60 } = options;
    const hidden = images.length - most;
    const limit = Math.max(...images.map(({ array }) => limitOf(array.data, "ink")));
    node.replaceChildren(
      element("figcaption", { class: "view-title" }, title),
      element("ul", { class: "imagegrid-list" }, ...images.slice(0, most).map((one, index) => imageNode(one, index, limit, options))),
      images.length ? "" : element("p", { class: "view-status" }, text("imagegrid.none")),
      hidden > 0 ? element("p", { class: "view-status" }, text("imagegrid.more", { count: hidden })) : "",
    );
  });
}

/**
 * @param {GridImage} one
 * @param {number} index
 * @param {number} limit shared by all, so that a pale image looks pale
 * @param {ImageGridOptions} options
 */
function imageNode({ array, caption, note, words, isWrong }, index, limit, { image, size = 64, selected, onpick }) {
  const button = element(
    "button",
    { type: "button", class: `imagegrid-button ${isWrong ? "is-wrong" : ""}`, "aria-label": words, "aria-pressed": String(index === selected) },
    thumbnail({ array, size, image, limit }),
    element("span", { class: "imagegrid-caption" }, caption),
    note === undefined ? null : element("span", { class: "imagegrid-note" }, note),
  );
  button.addEventListener("click", () => onpick?.(index));
  return element("li", {}, button);
}
