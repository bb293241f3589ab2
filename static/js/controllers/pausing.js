/** The pause of practice: the clock stops, nothing is written meanwhile, and the page says so. */

/** @import {Attempt} from "#models/types" */

import { addCommands } from "#lib/commands.js";
import { clock } from "#lib/figures.js";
import { Refusal, post } from "#lib/http.js";
import { toast } from "#lib/toast.js";

/**
 * @param {Attempt} attempt
 * @param {ReturnType<typeof import("#controllers/banners.js").banners>} banners
 */
export function pausing(attempt, banners) {
  const left = attempt.paused_left_ms;
  const [stage] = attempt.stages;
  const isRunning = stage.deadline_at !== null && stage.finished_at === null;
  const canPause = attempt.mode === "practice" && attempt.state === "open" && isRunning;
  addCommands([
    { name: "pause", label: "Stop the clock", off: () => !canPause, act: () => void turn("pause") },
    { name: "resume", label: "Let the clock run", off: () => left === null, act: () => void turn("resume") },
  ]);
  if (left === null) return;
  banners.show("paused", `The clock stands at ${clock(left)}. Nothing is written until it runs again.`, {
    look: "time",
    button: { label: "Let it run", act: () => void turn("resume") },
  });

  /** @param {"pause" | "resume"} how */
  async function turn(how) {
    try {
      await post(`/api/attempts/${attempt.id}/${how}`);
      location.reload();
    } catch (error) {
      toast(error instanceof Refusal ? error.words : "The server can't be reached. Nothing has changed.");
    }
  }
}
