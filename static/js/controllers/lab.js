/** The lab: asks the server to time the model, then puts its picture into the page. */

import { announce, ref } from "#lib/dom.js";
import { Refusal, fragment, post } from "#lib/http.js";

const WORKING = "Measuring: some five seconds.";

/**
 * @param {HTMLElement} page
 * @param {{stageId: string, attemptId: string}} options
 */
export function lab(page, { stageId, attemptId }) {
  const button = ref(page, "lab-button", HTMLButtonElement);
  const said = ref(page, "lab-said", HTMLElement);
  const box = ref(page, "lab", HTMLElement);
  let isMeasuring = false;

  button.addEventListener("click", measure);

  async function measure() {
    if (isMeasuring) return;
    busy(true);
    say(WORKING);
    try {
      const { findings } = await post(`/api/stages/${stageId}/lab`);
      box.innerHTML = await fragment(`/attempts/${attemptId}/lab?stage=${stageId}`);
      button.textContent = "Measure again";
      said.textContent = "";
      announce(findings.join(" "));
    } catch (error) {
      say(error instanceof Refusal ? error.words : "The server can't be reached. Measure again.");
    }
    busy(false);
  }

  /** @param {boolean} is */
  function busy(is) {
    isMeasuring = is;
    button.setAttribute("aria-busy", String(is));
    button.setAttribute("aria-disabled", String(is));
  }

  /** @param {string} words */
  function say(words) {
    said.textContent = words;
    announce(words);
  }

  return {
    /** The costs of a step are answered: it gives nothing away any more. */
    open() {
      if (!button.disabled) return;
      button.disabled = false;
      said.textContent = "The time of one step against T, with a cache and without: some five seconds.";
    },
  };
}
