/** Writes the keys in the markup as this platform writes them. */

import { element as make } from "#lib/dom.js";
import { caps, label } from "#lib/keys.js";

/** @param {HTMLElement} element */
export function connect(element) {
  /** @type {NodeListOf<HTMLElement>} */
  const labels = element.querySelectorAll("[data-keys]");
  for (const one of labels) one.textContent = label(one.dataset.keys ?? "");
  /** @type {NodeListOf<HTMLElement>} */
  const rows = element.querySelectorAll("[data-caps]");
  for (const row of rows) {
    row.replaceChildren(...caps(row.dataset.caps ?? "").flatMap((cap) => [make("kbd", { class: "cap" }, cap), " "]));
  }
}
