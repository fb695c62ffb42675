// On paper the page is light, and as wide as the paper.

const PAPER = 700; // CSS pixels of A4 between its margins

/**
 * @param {(width: number | null) => void} lay draws the pictures for a width, or for that of the screen again
 */
export function followPrinting(lay) {
  const { dataset } = document.documentElement;
  /** @type {string | undefined} */
  let theme;
  matchMedia("print").addEventListener("change", ({ matches }) => {
    if (matches) [theme, dataset.theme] = [dataset.theme, "light"];
    else if (theme === undefined) delete dataset.theme;
    else dataset.theme = theme;
    lay(matches ? PAPER : null);
  });
}
