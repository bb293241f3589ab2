/** What ends or turns an attempt, each asked for once more: reset, done, finish, reveal; and the download. */

/** @import {Attempt} from "#models/types" */

import { ask } from "#lib/ask.js";
import { Refusal, post } from "#lib/http.js";
import { toast } from "#lib/toast.js";

/**
 * @param {object} options
 * @param {Attempt} options.attempt
 * @param {{text: string, flush: () => Promise<unknown>, replace: (kind: "reset", text: string) => void}} options.draft
 * @param {() => boolean} options.isOver
 */
export function attemptActions({ attempt, draft, isOver }) {
  const [stage] = attempt.stages;
  const review = `${attempt.url}/review`;

  return {
    /** @returns {Promise<boolean>} whether the draft is the starter now */
    async reset() {
      const answer = await ask(
        "Back to the starter?",
        "The editor takes the text that you were given. What you wrote stays in the record of this attempt.",
        [
          { value: "reset", label: "Back to the starter" },
          { value: "", label: "Go on" },
        ],
      );
      if (answer === "reset") draft.replace("reset", stage.starter);
      return answer === "reset";
    },

    async done() {
      const closes =
        stage.kind === "complexity"
          ? "Its answers stand, and what was not answered is told in the review."
          : "Its draft is closed, and its verdict opens in the review.";
      const answer = await ask(
        "Done with this stage?",
        `${closes} The next part follows.`,
        [
          { value: "done", label: "I am done", look: "primary" },
          { value: "", label: "Go on here" },
        ],
      );
      if (answer !== "done") return;
      await draft.flush();
      await goOn(attempt, stage.id);
    },

    async finish() {
      if (isOver()) return location.assign(review);
      const answer = await ask(
        "Finish this attempt?",
        "The clock stops, what was asked is told, and the review opens. It can't be taken up again.",
        [
          { value: "finish", label: "Finish and review", look: "primary" },
          { value: "", label: "Go on" },
        ],
      );
      if (answer !== "finish") return;
      await draft.flush();
      if (await ordered(`/api/attempts/${attempt.id}/finish`)) location.assign(review);
    },

    async reveal() {
      const answer = await ask(
        "Reveal the bugs?",
        "The review then tells each bug, its line and its why. The attempt stays open and is noted as revealed.",
        [
          { value: "reveal", label: "Reveal the bugs", look: "danger" },
          { value: "", label: "Not yet" },
        ],
      );
      if (answer !== "reveal") return;
      await draft.flush();
      if (await ordered(`/api/attempts/${attempt.id}/reveal`)) location.assign(`${review}#bugs`);
    },

    download() {
      const url = URL.createObjectURL(new Blob([draft.text], { type: "text/x-python" }));
      Object.assign(document.createElement("a"), { href: url, download: stage.filename }).click();
      URL.revokeObjectURL(url);
    },
  };
}

/** Be done with a stage, and go to what comes then: the next one, or the review.
 * @param {Attempt} attempt
 * @param {string} stageId
 */
export async function goOn(attempt, stageId) {
  try {
    const now = await post(`/api/stages/${stageId}/done`);
    location.assign(now.state === "open" ? attempt.url : `${attempt.url}/review`);
  } catch (error) {
    toast(error instanceof Refusal ? error.words : "The server can't be reached. Nothing has changed.");
  }
}

/** @param {string} url */
async function ordered(url) {
  try {
    await post(url);
    return true;
  } catch (error) {
    toast(error instanceof Refusal ? error.words : "The server can't be reached. Nothing has changed.");
    return false;
  }
}
