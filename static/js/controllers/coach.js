/** The guided warm-up: run, read the curve, fix, check; one sentence at a time. */

import { refIfAny } from "#lib/dom.js";

const STEPS = /** @type {const} */ (["run", "read", "fix", "check"]);
const WORDS = {
  run: "Run the file as it is. Nobody can debug a program that they have not seen fail.",
  read: "Read the curve and the text it printed. A line that stays flat, one that falls too slowly, an exception: each speaks of another part of the file.",
  fix: "One region is marked. Read it line by line, say what each line is for, and change the one that doesn't do it.",
  check: "Check it. The verdict says what is true, not only what the loss shows.",
  done: "That is the round in small: a run to see, a fix with a reason, a check to know. The real one has four of these.",
};

/** @param {HTMLElement} page */
export function coach(page) {
  const strip = refIfAny(page, "coach", HTMLElement);
  const words = refIfAny(page, "coach-words", HTMLElement);
  const next = refIfAny(page, "coach-next", HTMLButtonElement);
  /** @type {keyof typeof WORDS} */
  let step = "run";
  if (!strip || !words || !next) return { ran() {}, edited() {}, checked() {} };

  /** @param {keyof typeof WORDS} to */
  const go = (to) => {
    step = to;
    words.textContent = WORDS[to];
    next.hidden = to !== "read";
    const at = to === "done" ? STEPS.length : STEPS.indexOf(to);
    STEPS.forEach((name, index) => {
      const item = strip.querySelector(`[data-step=${name}]`);
      item?.classList.toggle("done", index < at);
      if (index === at) item?.setAttribute("aria-current", "step");
      else item?.removeAttribute("aria-current");
    });
  };
  next.addEventListener("click", () => go("fix"));
  go("run");

  return {
    ran() {
      if (step === "run") go("read");
    },
    edited() {
      if (step === "fix" || step === "read") go("check");
    },
    /** @param {boolean} passed */
    checked(passed) {
      if (passed) go("done");
      else if (step === "check") go("fix");
    },
  };
}
