/** The line above the desk: one notice at a time, the most urgent one. */

import { announce, drawing, element, ref } from "#lib/dom.js";

/** From the least urgent to the most. */
const ORDER = ["kept", "paused", "readonly", "refused", "offline", "over"];

/** @param {HTMLElement} page */
export function banners(page) {
  const region = ref(page, "banners", HTMLElement);
  /** @type {Map<string, HTMLElement>} */
  const waiting = new Map();
  /** @type {HTMLElement | null} */
  let shown = null;

  const draw = () => {
    const next = ORDER.filter((name) => waiting.has(name)).at(-1);
    const banner = next ? (waiting.get(next) ?? null) : null;
    if (banner === shown) return;
    shown?.remove();
    shown = banner;
    if (banner) region.append(banner);
  };

  return {
    /**
     * @param {"kept" | "paused" | "readonly" | "refused" | "offline" | "over"} name
     * @param {string} words
     * @param {{look?: "time" | "fail" | "", button?: {label: string, act: () => void}}} [options]
     */
    show(name, words, { look = "", button } = {}) {
      const banner = element("div", { class: `banner ${look}` });
      if (look === "fail") banner.append(drawing("s-fail", { kind: "sign fail" }));
      banner.append(element("p", {}, words));
      if (button) {
        const made = element("button", { class: "btn", type: "button" }, button.label);
        made.addEventListener("click", button.act);
        banner.append(made);
      }
      waiting.set(name, banner);
      announce(words);
      draw();
    },
    /** @param {string} name */
    hide(name) {
      waiting.delete(name);
      draw();
    },
  };
}
