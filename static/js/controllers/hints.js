/** The ladder of hints: a slot for each bug, three rungs each, the next one off until the one before is taken. */

/** @import {Attempt, Hint, Slot} from "#models/types" */

import { announce, element, ref, sign } from "#lib/dom.js";
import { clock } from "#lib/figures.js";
import { Refusal, get, post } from "#lib/http.js";
import { toast } from "#lib/toast.js";

const RUNGS = ["The area", "A symptom to look at", "A line of thought"];
const SIGNS = /** @type {const} */ ({ fixed: "pass", broken: "fail", blocked: "blocked" });

/**
 * @param {HTMLElement} page
 * @param {{attempt: Attempt, stageId: string, isOver: () => boolean}} options
 */
export function hintLadder(page, { attempt, stageId, isOver }) {
  const box = ref(page, "hints", HTMLElement);
  const url = `/api/stages/${stageId}/hints`;
  const startedAt = attempt.stages[0].started_at;
  /** @type {Hint[]} */
  let taken = [];
  /** @type {Map<number, Slot["status"]>} */
  let statuses = new Map();

  get(url).then(
    (/** @type {any} */ answer) => {
      taken = Array.isArray(answer) ? answer : answer.hints;
      draw();
    },
    () => draw(),
  );
  draw();

  function draw() {
    box.replaceChildren(...Array.from({ length: attempt.bug_count ?? 0 }, (_, index) => ladder(index + 1)));
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
        row.append(element("span", { class: "cost" }, `at ${clock(hint.at_ms - startedAt)}`), element("p", {}, hint.text));
      } else if (index === mine.length && !isOver()) {
        const button = element("button", { class: "btn low", type: "button", "aria-label": `Ask, free: hint ${index + 1} for bug ${slot}` }, "Ask, free");
        button.addEventListener("click", () => take(slot, button));
        row.append(button);
      }
      return row;
    });
    return element("section", { class: "ladder", "aria-label": `Bug ${slot}` }, title, element("ol", { class: "hints" }, ...rungs));
  }

  /** @param {number} slot @param {HTMLButtonElement} button */
  async function take(slot, button) {
    button.disabled = true;
    try {
      const hint = await post(url, { slot });
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
