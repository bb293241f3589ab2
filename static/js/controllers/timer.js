/** The time: gone, now, rest, and the minutes kept for verifying; counted by the server's clock. */

/** @import {Stage} from "#models/types" */
/** @import {ServerClock} from "#models/server_clock.js" */

import { announce, ref, refIfAny } from "#lib/dom.js";
import { clock as minutesAndSeconds } from "#lib/figures.js";

const WIDTH = 132;
const SAID_AT = [30, 15, 1];

/**
 * @param {HTMLElement} page
 * @param {object} options
 * @param {Stage} options.stage
 * @param {ServerClock} options.clock
 * @param {number} options.keptMs
 * @param {number | null} options.pausedMs what is left while the clock stands
 * @param {() => void} options.onKept
 * @param {() => void} options.onOver
 */
export function startTimer(page, { stage, clock, keptMs, pausedMs, onKept, onOver }) {
  const box = ref(page, "timer", HTMLElement);
  const words = ref(page, "clock", HTMLElement);
  const { deadline_at: deadline, started_at: start } = stage;
  if (deadline !== null) drawKept(page, keptMs / (deadline - start));
  let said = Infinity;
  let kept = false;
  let over = false;

  const tick = () => {
    const now = stage.finished_at ?? clock.now();
    if (pausedMs !== null) {
      words.textContent = minutesAndSeconds(pausedMs);
      return;
    }
    if (deadline === null) {
      words.textContent = minutesAndSeconds(now - start);
      return;
    }
    const left = deadline - now;
    words.textContent = left >= 0 ? minutesAndSeconds(left) : `+${minutesAndSeconds(-left)}`;
    box.classList.toggle("in-keep", left <= keptMs && left > 0);
    box.classList.toggle("over", left <= 0);
    drawHand(page, Math.min(1, (now - start) / (deadline - start)));
    if (stage.finished_at !== null) return;
    if (left <= keptMs && left > 0 && !kept) {
      kept = true;
      onKept();
    }
    if (left <= 0 && !over) {
      over = true;
      onOver();
    }
    const due = SAID_AT.find((minutes) => left <= minutes * 60_000 && minutes < said);
    if (due !== undefined && left > 0) {
      if (said !== Infinity || left > due * 60_000 - 5000) announce(`${due} minutes left`);
      said = due;
    }
  };
  tick();
  const interval = setInterval(tick, 250);
  return () => clearInterval(interval);
}

/**
 * @param {HTMLElement} page
 * @param {number} share
 */
function drawKept(page, share) {
  const kept = refIfAny(page, "kept", SVGRectElement);
  kept?.setAttribute("x", String(WIDTH * (1 - share)));
  kept?.setAttribute("width", String(WIDTH * share));
}

/**
 * @param {HTMLElement} page
 * @param {number} share
 */
function drawHand(page, share) {
  refIfAny(page, "gone", SVGRectElement)?.setAttribute("width", (WIDTH * share).toFixed(1));
  refIfAny(page, "hand", SVGRectElement)?.setAttribute("x", (WIDTH * share - 1).toFixed(1));
}
