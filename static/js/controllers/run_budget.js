/** The run budget: counts down, warns before the last run, counts what goes beyond, and blocks nothing. */

import { ask } from "#lib/ask.js";
import { plural } from "#lib/figures.js";

/**
 * @param {HTMLElement} page
 * @param {{budget: number | null, used: number}} options
 */
export function runBudget(page, { budget, used }) {
  const box = page.querySelector('[data-ref="budget"]');
  const words = page.querySelector('[data-ref="budget-words"]');
  draw();

  function draw() {
    if (budget === null || !box || !words) return;
    const left = budget - used;
    words.textContent = left >= 0 ? `${left} of ${plural(budget, "run")} left` : `${plural(-left, "run")} over ${budget}`;
    box.classList.toggle("spent", left <= 0);
    box.querySelectorAll("b").forEach((bar, index) => bar.classList.toggle("used", index < used));
  }

  return {
    /** Whether to go on: the last run of the budget asks first. @returns {Promise<boolean>} */
    async mayRun() {
      if (budget === null || budget - used !== 1) return true;
      const answer = await ask("This is your last run.", "Read once more? More runs are counted, and an interviewer notices them.", [
        { value: "run", label: "Run now" },
        { value: "", label: "Read once more", look: "primary" },
      ]);
      return answer === "run";
    },

    ran() {
      used += 1;
      draw();
    },
  };
}
