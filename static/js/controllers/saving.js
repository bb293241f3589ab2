/** What the page says about the draft: saved, offline, taken over by another tab, closed. */

/** @import {Draft} from "#models/draft.js" */

import { ref } from "#lib/dom.js";
import { ask } from "#lib/ask.js";
import { toast } from "#lib/toast.js";

const WORDS = {
  saved: "saved",
  saving: "saving…",
  offline: "not sent yet",
  refused: "not saved",
  conflict: "written elsewhere",
  readonly: "read only",
  closed: "closed",
};

/**
 * @param {HTMLElement} page
 * @param {object} options
 * @param {Draft} options.draft
 * @param {ReturnType<typeof import("#controllers/banners.js").banners>} options.banners
 * @param {() => void} options.onChanged the draft's text or whether it may be written has changed
 */
export function saving(page, { draft, banners, onChanged }) {
  const words = ref(page, "saved", HTMLElement);

  draft.addEventListener("state", () => {
    words.textContent = WORDS[draft.state];
    if (draft.state === "offline") banners.show("offline", "Connection lost. You can go on typing; everything is sent when it is back.");
    else banners.hide("offline");
    if (draft.state === "refused") banners.show("refused", draft.reason, { look: "fail" });
    else banners.hide("refused");
    onChanged();
  });
  draft.addEventListener("conflict", () => void choose());
  addEventListener("online", () => void draft.flush());
  addEventListener("pagehide", () => draft.leave());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") draft.leave();
  });

  async function choose() {
    const answer = await ask(
      "Another tab wrote to this draft",
      "Both texts are in the record, nothing is lost. Which one goes on here?",
      [
        { value: "read", label: "Read only here" },
        { value: "mine", label: "Keep the text of this tab" },
        { value: "theirs", label: "Take over the newer text", look: "primary" },
      ],
    );
    try {
      if (answer === "theirs") await draft.takeNewer();
      else if (answer === "mine") await draft.keepMine();
      else readOnly();
    } catch {
      toast("The server can't be reached. This tab stays as it is.");
      readOnly();
    }
    onChanged();
  }

  function readOnly() {
    draft.readOnly();
    banners.show("readonly", "Read only: another tab writes to this draft.", {
      button: { label: "Take over", act: takeOver },
    });
  }

  async function takeOver() {
    banners.hide("readonly");
    await draft.takeNewer().catch(() => readOnly());
    onChanged();
  }
}
