/**
 * Building nodes. Text enters a page only as text (never as markup), so a layer's name cannot become a tag.
 *
 * @typedef {Node | string} Child
 * @typedef {Record<string, string | number | boolean | null | undefined>} Attributes
 */

/**
 * An HTML element. An attribute that is null, undefined or false is left out; true gives an empty attribute.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...(Child | null)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/**
 * An SVG element, made like an HTML one.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...(Child | null)} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function vector(tag, attributes = {}, ...children) {
  const node = /** @type {SVGElementTagNameMap[Tag]} */ (document.createElementNS("http://www.w3.org/2000/svg", tag));
  return furnish(node, attributes, children);
}

/**
 * @template {Element} Made
 * @param {Made} node
 * @param {Attributes} attributes
 * @param {(Child | null)[]} children
 * @returns {Made}
 */
function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/**
 * The numbers behind a drawing as a table that only a screen reader meets; each row begins with its name.
 *
 * @param {string} title
 * @param {string[]} names of the columns
 * @param {string[][]} rows
 */
export function hiddenTable(title, names, rows) {
  const head = element("tr", {}, ...names.map((name) => element("th", { scope: "col" }, name)));
  const body = rows.map(([first, ...cells]) =>
    element("tr", {}, element("th", { scope: "row" }, first), ...cells.map((cell) => element("td", {}, cell))));
  const parts = [element("caption", {}, title), element("thead", {}, head), element("tbody", {}, ...body)];
  return element("div", { class: "visually-hidden" }, element("table", {}, ...parts));
}

/**
 * Calls `draw` with the node's width in CSS pixels, now (once it is laid out) and whenever the width changes.
 *
 * @param {Element} node
 * @param {(width: number) => void} draw
 */
export function onWidth(node, draw) {
  let last = -1;
  new ResizeObserver(([entry]) => {
    const width = Math.floor(entry?.contentRect.width ?? 0);
    if (width > 0 && width !== last) draw((last = width));
  }).observe(node);
}

/**
 * A view with its own `update`: it is drawn now, and anew whenever some of its options change.
 *
 * @template {Element} Made
 * @template {object} Options
 * @param {Made} node
 * @param {Options} options
 * @param {(options: Options) => void} draw
 * @returns {{node: Made, update: (changes: Partial<Options>) => void}}
 */
export function redrawn(node, options, draw) {
  draw(options);
  return {
    node,
    update(changes) {
      options = { ...options, ...changes };
      draw(options);
    },
  };
}

let serial = 0;

/** An id that no other node of the page has. */
export function freshId() {
  serial += 1;
  return `view-${serial}`;
}
