/** The page about oneself: the deletion asks in a dialog, the theme applies as it is chosen. */

import { ref } from "#lib/dom.js";
import { choose } from "#controllers/theme.js";

/** @param {HTMLElement} element */
export function connect(element) {
  const deletion = /** @type {HTMLDialogElement} */ (element.querySelector("#deletion"));
  ref(element, "delete", HTMLAnchorElement).addEventListener("click", (event) => {
    event.preventDefault();
    deletion.showModal();
  });
  const form = ref(element, "theme", HTMLFormElement);
  form.addEventListener("change", (event) => choose(/** @type {HTMLInputElement} */ (event.target).value));
}
