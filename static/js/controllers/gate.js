/** The complexity gate: an answer is judged at once, and the questions are put in again as they stand then. */

/** @import {Attempt} from "#models/types" */

import { attemptActions, goOn } from "#controllers/attempt_actions.js";
import { banners } from "#controllers/banners.js";
import { lab } from "#controllers/lab.js";
import { pausing } from "#controllers/pausing.js";
import { startTimer } from "#controllers/timer.js";
import { addCommands } from "#lib/commands.js";
import { announce, pageData, ref } from "#lib/dom.js";
import { Refusal, fragment, post } from "#lib/http.js";
import { toast } from "#lib/toast.js";
import { ServerClock } from "#models/server_clock.js";

/** @param {HTMLElement} page */
export function connect(page) {
  const { attempt } = /** @type {{attempt: Attempt}} */ (pageData("facts"));
  const [stage] = attempt.stages;
  const box = ref(page, "gate", HTMLElement);
  const notices = banners(page);
  let over = attempt.state !== "open" || stage.finished_at !== null;
  const goesOn = attempt.state === "open" && attempt.plan.some(({ state }) => state === "next");
  const nothing = { flush: async () => {}, replace() {}, text: "" };
  const actions = attemptActions({ attempt, draft: nothing, isOver: () => attempt.state !== "open" });

  addCommands([
    { name: "done", label: "Done with this stage", off: () => over || !goesOn, act: () => void actions.done() },
    { name: "finish", label: "Finish and review", act: () => void actions.finish() },
  ]);
  const clock = new ServerClock(attempt.now);
  startTimer(page, { stage, clock, keptMs: 0, pausedMs: attempt.paused_left_ms, onKept() {}, onOver: () => void close() });
  const measuring = lab(page, { stageId: stage.id, attemptId: attempt.id });
  if (over) sayOver();
  pausing(attempt, notices);
  box.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    void answer(form.closest("[data-question]"), form);
  });

  /** @param {Element | null} question @param {HTMLFormElement} form */
  async function answer(question, form) {
    const name = question instanceof HTMLElement ? (question.dataset.question ?? "") : "";
    const text = String(new FormData(form).get("text") ?? "");
    const told = ref(box, `told-${name}`, HTMLElement);
    try {
      const now = await post(`/api/stages/${stage.id}/answers`, { question: name, text });
      if (now.lab_opens) measuring.open();
      await draw(name);
      announce(ref(box, `told-${name}`, HTMLElement).textContent ?? "");
      focusAfter(name);
    } catch (error) {
      const words = error instanceof Refusal ? error.words : "The server can't be reached. The answer stays here.";
      const line = document.createElement("p");
      line.className = "refused";
      line.textContent = words;
      told.replaceChildren(line);
      announce(words);
    }
  }

  /** Put in what has changed: of one question after its answer, since the others may be written in; or all.
   * @param {string} [name]
   */
  async function draw(name) {
    const made = document.createElement("template");
    made.innerHTML = await fragment(`/stages/${stage.id}/gate`);
    if (!name) return box.replaceChildren(made.content);
    for (const part of [`[data-question="${name}"]`, "[data-ref=derived]"]) {
      const now = made.content.querySelector(part);
      if (now) box.querySelector(part)?.replaceWith(now);
    }
  }

  /** The retry of the same question, else the next one. @param {string} name */
  function focusAfter(name) {
    const fields = [...box.querySelectorAll("input")];
    const own = fields.find(({ id }) => id === `answer-${name}`);
    const after = box.querySelector(`[data-question="${name}"]`);
    const next = fields.find((field) => after && after.compareDocumentPosition(field) & Node.DOCUMENT_POSITION_FOLLOWING);
    const isWriting = document.activeElement instanceof HTMLInputElement;
    if (!isWriting) (own ?? next)?.focus();
  }

  async function close() {
    over = true;
    measuring.open();
    await draw().catch(() => toast("The server can't be reached. Reload the page."));
    sayOver();
  }

  function sayOver() {
    const onward = { label: "Go on", act: () => void goOn(attempt, stage.id) };
    const review = { label: "Review", act: () => location.assign(`${attempt.url}/review`) };
    notices.show("over", "The time of this stage is over. What was asked is told below.", { button: goesOn ? onward : review });
  }
}
