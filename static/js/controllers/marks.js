/** The candidate's own marking of a sentence, kept as each box is ticked. Without scripts the form sends it. */

import { announce } from "#lib/dom.js";
import { Refusal, post } from "#lib/http.js";
import { toast } from "#lib/toast.js";

const NAMES = ["location", "mechanism", "consequence"];

/** @param {HTMLElement} element */
export function connect(element) {
  /** @type {NodeListOf<HTMLFormElement>} */
  const forms = element.querySelectorAll("form[data-marks]");
  for (const form of forms) form.addEventListener("change", (event) => keep(form, event.target));
}

/**
 * @param {HTMLFormElement} form
 * @param {EventTarget | null} changed
 */
async function keep(form, changed) {
  if (!(changed instanceof HTMLInputElement)) return;
  const said = new FormData(form);
  const marks = Object.fromEntries(NAMES.map((name) => [name, said.has(name)]));
  try {
    await post(form.dataset.marks ?? "", marks);
    announce("Your marking is kept.");
  } catch (error) {
    changed.checked = !changed.checked;
    toast(error instanceof Refusal ? error.words : "The server can't be reached. The marking is not kept.");
  }
}
