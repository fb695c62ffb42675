/** Light, dark, or as the system says: one button that goes round. */

import { element } from "./element.js";
import { text } from "./messages.js";

const CHOICES = ["system", "light", "dark"];

/** @returns {HTMLButtonElement} */
export function themeSwitch() {
  const button = element("button", { type: "button", class: "theme-switch" });
  let choice = 0;
  const show = () => {
    const name = CHOICES[choice];
    if (name === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = name;
    button.textContent = text("theme.switch", { theme: text(`theme.${name}`) });
  };
  button.addEventListener("click", () => {
    choice = (choice + 1) % CHOICES.length;
    show();
  });
  show();
  return button;
}
