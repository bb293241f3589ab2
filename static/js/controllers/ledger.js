/** The ledger: one sentence of why for a fix, asked for when an edit in a marked region has rested. */

/** @import {Explanation, Stage} from "#models/types" */

import { announce, element, ref } from "#lib/dom.js";
import { clock, plural } from "#lib/figures.js";
import { Refusal, get, post } from "#lib/http.js";
import { toast } from "#lib/toast.js";

const RESTS_MS = 20_000;

/**
 * @param {HTMLElement} page
 * @param {{stage: Stage, isMarked: (line: number) => boolean, seq: () => number, isOver: () => boolean}} options
 */
export function ledger(page, { stage, isMarked, seq, isOver }) {
  const form = ref(page, "ask", HTMLFormElement);
  const words = ref(page, "ask-words", HTMLElement);
  const why = ref(page, "why", HTMLTextAreaElement);
  const list = ref(page, "ledger", HTMLElement);
  const url = `/api/stages/${stage.id}/explanations`;
  /** @type {Explanation[]} */
  let kept = [];
  /** @type {Set<number>} lines already asked about */
  const asked = new Set();
  /** @type {number[]} */
  let touched = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  get(url).then(
    (/** @type {any} */ answer) => {
      kept = Array.isArray(answer) ? answer : answer.explanations;
      draw();
    },
    () => {},
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void keep();
  });

  function draw() {
    list.replaceChildren(
      ...kept.map(({ sentence, at_ms }) =>
        element("li", {}, element("span", { class: "dim num" }, clock(at_ms - stage.started_at)), ` ${sentence}`),
      ),
    );
    if (!kept.length) list.append(element("li", { class: "dim" }, "Nothing is kept yet."));
  }

  function question() {
    const lines = touched.filter((line) => !asked.has(line));
    if (!lines.length || !form.hidden || isOver()) return;
    for (const line of lines) asked.add(line);
    const where = lines.length === 1 ? `line ${lines[0]}` : `${plural(lines.length, "line")} from ${lines[0]}`;
    words.textContent = `You changed ${where}. Why does it work? One sentence.`;
    form.hidden = false;
    announce(words.textContent);
  }

  async function keep() {
    const sentence = why.value.trim();
    if (!sentence) return;
    try {
      kept = [...kept, await post(url, { sentence, hunk: { lines: touched }, draft_seq: seq() })];
      later();
      draw();
    } catch (error) {
      toast(error instanceof Refusal ? error.words : "The server can't be reached. The sentence stays here.");
    }
  }

  function later() {
    form.hidden = true;
    why.value = "";
    touched = [];
  }

  return {
    keep,
    later,
    isOpen: () => !form.hidden,
    /** @param {number} line where an edit was made */
    edited(line) {
      if (!isMarked(line)) return;
      if (!touched.includes(line)) touched.push(line);
      clearTimeout(timer);
      timer = setTimeout(question, RESTS_MS);
    },
    /** Before a run nothing waits for the twenty seconds. */
    beforeRun() {
      clearTimeout(timer);
      question();
    },
  };
}
