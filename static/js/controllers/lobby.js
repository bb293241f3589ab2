/** The first page: resume by key, draw a seed, and the command for one's own editor as the choices stand. */

import { addCommands } from "#lib/commands.js";

/** @param {HTMLElement} element */
export function connect(element) {
  const form = /** @type {HTMLFormElement} */ (element.querySelector("#choices"));
  const command = /** @type {HTMLElement} */ (element.querySelector("#own-editor"));
  const seed = /** @type {HTMLInputElement} */ (form.elements.namedItem("seed"));
  form.addEventListener("input", tell);
  element.querySelector("[data-draw]")?.addEventListener("click", () => {
    seed.value = String(crypto.getRandomValues(new Uint16Array(1))[0] % 10_000);
    tell();
  });
  addCommands([
    { name: "start", label: "Start a round", keys: "mod+enter", act: () => press("start") },
    { name: "warm-up", label: "Five-minute warm-up", keys: "w", act: () => press("warm-up") },
    { name: "resume", label: "Resume", keys: "r", off: () => !element.querySelector("#resume"), act: () => press("resume") },
  ]);
  tell();

  function tell() {
    const chosen = new FormData(form);
    const parts = ["overfit new", `--tier ${chosen.get("tier")}`];
    if (seed.value) parts.push(`--seed ${seed.value}`);
    const marks = chosen.get("marks");
    if (marks) parts.push(marks === "on" ? "--marks" : "--no-marks");
    parts.push("-o gpt.py");
    command.textContent = parts.join(" ");
  }

  /** @param {string} id */
  function press(id) {
    /** @type {HTMLElement | null} */ (document.querySelector(`#${id}`))?.click();
  }
}
