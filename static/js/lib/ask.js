/** A question in the page's one dialog; the answer's value, or "" for Escape. */

import { element } from "#lib/dom.js";

/**
 * @typedef {object} Answer
 * @property {string} value
 * @property {string} label
 * @property {"primary" | "danger" | ""} [look]
 */

/**
 * @param {string} title
 * @param {string} words
 * @param {Answer[]} answers the last one has the focus
 * @returns {Promise<string>}
 */
export function ask(title, words, answers) {
  const dialog = /** @type {HTMLDialogElement} */ (document.querySelector("#question"));
  const [heading, paragraph, menu] = ["h2", "p", "menu"].map((tag) => dialog.querySelector(tag));
  if (!heading || !paragraph || !menu) throw new Error("the page has no dialog for questions");
  heading.textContent = title;
  paragraph.textContent = words;
  menu.replaceChildren(...answers.map(button));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}

/**
 * @param {Answer} answer
 * @param {number} index
 * @param {Answer[]} all
 */
function button({ value, label, look = "" }, index, all) {
  return element("button", { class: `btn ${look}`, value, autofocus: index === all.length - 1 }, label);
}
