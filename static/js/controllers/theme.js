/** The theme switch: at once on this page, and from a cookie on the next, so that none flashes. */

import { post } from "#lib/http.js";

/** @param {HTMLElement} element */
export function connect(element) {
  const chosen = /** @type {HTMLInputElement | null} */ (element.querySelector(":checked"));
  if (chosen && !chosen.defaultChecked) choose(chosen.value); // chosen while this was loading
  element.addEventListener("change", (event) => choose(/** @type {HTMLInputElement} */ (event.target).value));
}

/** @param {string} theme light, dark or system */
export function choose(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const input of document.querySelectorAll("input[name=theme]")) {
    const radio = /** @type {HTMLInputElement} */ (input);
    radio.checked = radio.value === theme;
  }
  // what can't be kept now will be asked for again: nothing to say
  post("/api/me/preferences", { theme }).catch(() => {});
}
