/** The verdict: made by the server as a piece of a page, put in at once, announced by its headline. */

/** @import {RunSummary} from "#models/types" */

import { announce, ref } from "#lib/dom.js";
import { fragment } from "#lib/http.js";

/**
 * @param {HTMLElement} page
 * @param {{goTo: (line: number) => void}} options
 */
export function verdictPane(page, { goTo }) {
  const box = ref(page, "verdict", HTMLElement);
  box.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("[data-line]") : null;
    if (link instanceof HTMLElement) {
      event.preventDefault();
      goTo(Number(link.dataset.line));
    }
  });
  let shown = ""; // the run whose last word stands here
  return {
    /** A run is under way: what stands here speaks of an earlier one. */
    wait() {
      box.firstElementChild?.setAttribute("aria-busy", "true");
    },
    settle() {
      box.firstElementChild?.removeAttribute("aria-busy");
    },
    /** What is known while some bugs are still being judged: put in without a word. @param {RunSummary} run */
    async showSoFar(run) {
      const html = await fragment(`/runs/${run.id}/verdict`);
      if (shown === run.id) return;
      box.innerHTML = html;
      box.firstElementChild?.setAttribute("aria-busy", "true");
    },
    /** @param {RunSummary} run */
    async show(run) {
      shown = run.id;
      box.innerHTML = await fragment(`/runs/${run.id}/verdict`);
      box.parentElement?.scrollTo({ top: 0 });
      const headline = box.querySelector("h2")?.textContent ?? "";
      announce(`${headline} ${box.querySelector("header p")?.textContent ?? ""}`);
    },
  };
}
