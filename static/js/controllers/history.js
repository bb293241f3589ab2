/** The list of attempts: J and K move, Enter opens, / searches; a filter applies as it is chosen. */

import { addCommands } from "#lib/commands.js";

/** @param {HTMLElement} element */
export function connect(element) {
  /** @type {HTMLFormElement | null} */
  const form = element.querySelector("form.filters");
  /** @type {NodeListOf<HTMLAnchorElement>} */
  const links = element.querySelectorAll(".rows tbody a");
  form?.addEventListener("change", (event) => {
    if (event.target instanceof HTMLSelectElement) form.requestSubmit();
  });
  const nothing = () => links.length === 0;
  addCommands([
    { name: "next-row", label: "Next attempt", keys: "j", act: () => move(1), off: nothing },
    { name: "last-row", label: "Previous attempt", keys: "k", act: () => move(-1), off: nothing },
    { name: "search", label: "Search the history", keys: "/", act: () => form?.querySelector("input")?.focus() },
  ]);

  /** The focus is the place: Enter on a link is the browser's own.
   * @param {number} step
   */
  function move(step) {
    const at = [...links].findIndex((link) => link === document.activeElement);
    const next = at < 0 ? 0 : Math.max(0, Math.min(links.length - 1, at + step));
    links[next].focus();
  }
}
