/** A button that copies the text of the element it names. */

import { toast } from "#lib/toast.js";

/** @param {HTMLElement} element */
export function connect(element) {
  element.addEventListener("click", async () => {
    const source = document.getElementById(element.dataset.copies ?? "");
    toast((await copy(source?.textContent?.trim() ?? "")) ? "Copied." : "This browser doesn't let pages copy.");
  });
}

/** @param {string} text */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
