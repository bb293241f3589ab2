/** Hints of a stage: in practice a ladder for each bug, in a mock what an interviewer says when asked. */

/** @import {Attempt, Hint, Slot, Stage} from "#models/types" */

import { announce, element, ref, sign } from "#lib/dom.js";
import { clock, plural } from "#lib/figures.js";
import { Refusal, get, post } from "#lib/http.js";
import { toast } from "#lib/toast.js";

const RUNGS = ["The area", "A symptom to look at", "A line of thought"];
const SIGNS = /** @type {const} */ ({ fixed: "pass", broken: "fail", blocked: "blocked" });
const COST_MINUTES = [1, 3, 6];

/**
 * @param {HTMLElement} page
 * @param {{attempt: Attempt, stage: Stage, isOver: () => boolean}} options
 */
export function hintLadder(page, { attempt, stage, isOver }) {
  const box = ref(page, "hints", HTMLElement);
  const url = `/api/stages/${stage.id}/hints`;
  /** @type {Hint[]} */
  let taken = [];
  /** @type {Map<number, Slot["status"]>} */
  let statuses = new Map();

  get(url).then(
    (/** @type {Hint[]} */ hints) => {
      taken = hints;
      draw();
    },
    () => draw(),
  );
  draw();

  function draw() {
    if (box.hidden) return; // nothing was planted here
    if (attempt.mode === "mock") box.replaceChildren(...conversation());
    else box.replaceChildren(...Array.from({ length: stage.bug_count ?? 0 }, (_, index) => ladder(index + 1)));
  }

  /** What the interviewer has said so far, and the button that asks for more. */
  function conversation() {
    const said = taken.map(({ rung, text, at_ms, cost_minutes }) =>
      element(
        "li",
        {},
        element("span", { class: "no" }, rung ? String(rung) : "–"),
        element("span", {}, RUNGS[rung - 1] ?? "Nothing more"),
        element("span", { class: "cost" }, `${plural(cost_minutes, "minute")} at ${clock(at_ms - stage.started_at)}`),
        element("p", {}, `“${text}”`),
      ),
    );
    const list = said.length ? [element("ol", { class: "hints" }, ...said)] : [];
    if (isOver()) return list;
    const button = element("button", { class: "btn", type: "button" }, "Ask for a hint ", element("span", { class: "cost" }, cost()));
    button.addEventListener("click", () => void take({}, button));
    return [...list, button];
  }

  /** What the next one costs at most: less where the region has been changed meanwhile. */
  function cost() {
    const rung = taken.at(-1)?.rung ?? 0;
    const minutes = COST_MINUTES[rung % COST_MINUTES.length];
    return minutes === 1 ? "−1 min" : `−${minutes} min at most`;
  }

  /** @param {number} slot */
  function ladder(slot) {
    const mine = taken.filter((hint) => hint.slot === slot);
    const status = statuses.get(slot);
    const title = element("h3", {}, ...(status ? [sign(SIGNS[status], status)] : []), `Bug ${slot}`);
    const rungs = RUNGS.map((name, index) => {
      const hint = mine.find(({ rung }) => rung === index + 1);
      const row = element("li", {}, element("span", { class: "no" }, String(index + 1)), element("span", {}, name));
      if (hint) {
        row.append(element("span", { class: "cost" }, `at ${clock(hint.at_ms - stage.started_at)}`), element("p", {}, hint.text));
      } else if (index === mine.length && !isOver()) {
        const button = element("button", { class: "btn low", type: "button", "aria-label": `Ask, free: hint ${index + 1} for bug ${slot}` }, "Ask, free");
        button.addEventListener("click", () => void take({ slot }, button));
        row.append(button);
      }
      return row;
    });
    return element("section", { class: "ladder", "aria-label": `Bug ${slot}` }, title, element("ol", { class: "hints" }, ...rungs));
  }

  /** @param {{slot?: number}} asked @param {HTMLButtonElement} button */
  async function take(asked, button) {
    button.disabled = true;
    try {
      const hint = await post(url, asked);
      taken = [...taken, hint];
      announce(hint.text);
    } catch (error) {
      toast(error instanceof Refusal ? error.words : "The server can't be reached. Ask again.");
    }
    draw();
  }

  return {
    /** @param {Slot[]} slots as the last verdict has them */
    judged(slots) {
      statuses = new Map(slots.map(({ slot, status }) => [slot, status]));
      draw();
    },
  };
}
