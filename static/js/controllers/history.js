/** The list of attempts: J and K move, Enter opens, / searches; a filter applies as it is chosen. */

import { addCommands } from "#lib/commands.js";

/** @param {HTMLElement} element */
export function connect(element) {
  const form = /** @type {HTMLFormElement} */ (element.querySelector("form.filters"));
  const rows = [...element.querySelectorAll("tbody tr")];
  let at = -1;
  form.addEventListener("change", (event) => {
    if (event.target instanceof HTMLSelectElement) form.requestSubmit();
  });
  const link = () => /** @type {HTMLElement | null} */ (rows[at]?.querySelector("a") ?? null);
  addCommands([
    { name: "next-row", label: "Next attempt", keys: "j", act: () => move(1) },
    { name: "last-row", label: "Previous attempt", keys: "k", act: () => move(-1) },
    { name: "search", label: "Search the history", keys: "/", act: () => form.querySelector("input")?.focus() },
  ]);

  /** @param {number} step */
  function move(step) {
    at = Math.max(0, Math.min(rows.length - 1, at + step));
    rows.forEach((row, index) => row.setAttribute("aria-selected", String(index === at)));
    link()?.focus();
  }
}
