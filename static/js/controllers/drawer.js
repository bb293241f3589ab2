/** The left column: which of statement, hints and ledger it shows, or that it is closed. */

import * as store from "#lib/store.js";
import { ref } from "#lib/dom.js";

const KEY = "drawer";
const NARROW = "(max-width: 1180px)";

/** @param {HTMLElement} page */
export function drawer(page) {
  const column = ref(page, "drawer", HTMLElement);
  /** @type {NodeListOf<HTMLElement>} */
  const buttons = page.querySelectorAll("[data-drawer]");
  let open = "";

  /** @param {string} name empty closes it */
  const show = (name) => {
    open = name;
    column.hidden = name === "";
    for (const button of buttons) {
      const isIt = button.dataset.drawer === name;
      if (button.getAttribute("role") === "tab") {
        button.setAttribute("aria-selected", String(isIt));
        button.tabIndex = isIt ? 0 : -1;
        const panel = document.getElementById(button.getAttribute("aria-controls") ?? "");
        if (panel) panel.hidden = !isIt;
      }
    }
    if (!matchMedia(NARROW).matches) store.write(KEY, name);
  };

  /** @param {string} name the one that shows is closed by its own key */
  const toggle = (name) => show(open === name ? "" : name);

  for (const button of buttons) button.addEventListener("click", () => show(button.dataset.drawer ?? ""));
  column.querySelector("[role=tablist]")?.addEventListener("keydown", (event) => {
    const { key } = /** @type {KeyboardEvent} */ (event);
    const tabs = [...column.querySelectorAll("[role=tab]")].map((tab) => /** @type {HTMLElement} */ (tab));
    const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    const next = tabs[(tabs.findIndex((tab) => tab.tabIndex === 0) + step + tabs.length) % tabs.length];
    next.click();
    next.focus();
  });

  const phone = matchMedia("(max-width: 720px)").matches;
  show(phone || !matchMedia(NARROW).matches ? (phone ? "statement" : (store.read(KEY) ?? "statement")) : "");
  return { show, toggle };
}
