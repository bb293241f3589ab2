/** The page about oneself: a recovery link made and shown once, and the deletion, asked twice. */

import { ask } from "#lib/ask.js";
import { Refusal, post, send } from "#lib/http.js";
import { toast } from "#lib/toast.js";

/** @param {HTMLElement} element */
export function connect(element) {
  const link = /** @type {HTMLElement} */ (element.querySelector("#recovery-link"));
  element.querySelector("[data-recovery]")?.addEventListener("click", async () => {
    const answer = await attempt(() => post("/api/me/recovery"));
    if (!answer) return;
    link.textContent = new URL(answer.link, location.href).href;
    link.closest("p")?.removeAttribute("hidden");
  });
  element.querySelector("[data-delete]")?.addEventListener("click", async () => {
    const sure = await ask("Delete everything?", "All attempts with their edits, runs and times go, now and for good. The export is a way to keep them.", [
      { value: "delete", label: "Delete everything", look: "danger" },
      { value: "", label: "Keep it" },
    ]);
    if (sure !== "delete") return;
    if (await attempt(() => send("DELETE", "/api/me"))) location.assign("/");
  });
}

/**
 * @param {() => Promise<any>} act
 */
async function attempt(act) {
  try {
    return (await act()) ?? {};
  } catch (error) {
    toast(error instanceof Refusal ? error.words : "The server can't be reached. Nothing has changed.");
    return null;
  }
}
