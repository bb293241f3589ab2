/** A word about what has happened elsewhere; it goes after five seconds, not while one looks at it. */

import { element } from "#lib/dom.js";

const STAYS_MS = 5000;

/** @param {string} words */
export function toast(words) {
  const box = element("div", { class: "toast", role: "status" }, element("p", {}, words));
  document.querySelector("#toasts")?.append(box);
  let timer = setTimeout(() => box.remove(), STAYS_MS);
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => (timer = setTimeout(() => box.remove(), STAYS_MS)));
}
