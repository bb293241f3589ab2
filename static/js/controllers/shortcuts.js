/** Every page: its commands by button and key, the list of keys, the way to the other pages. */

import { addCommands, listen } from "#lib/commands.js";

/** @param {HTMLElement} element */
export function connect(element) {
  const keys = /** @type {HTMLDialogElement} */ (element.querySelector("#keys"));
  const go = (/** @type {string} */ path) => () => location.assign(path);
  addCommands([
    { name: "keys", label: "List of keys", keys: "f1", act: () => keys.showModal() },
    { name: "keys-too", label: "", keys: "?", act: () => keys.showModal() },
    { name: "go-practise", label: "Go to Practise", act: go("/") },
    { name: "go-history", label: "Go to History", act: go("/history") },
    { name: "go-problems", label: "Go to Problems", act: go("/problems") },
    { name: "go-me", label: "Go to Me", act: go("/me") },
  ]);
  listen(document);
}
