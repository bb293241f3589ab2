/** What the program printed, as it comes; a line number in it leads to the line. */

import { element, ref } from "#lib/dom.js";

const MOST_CHARACTERS = 200_000;
const PLACE = /(gpt\.py", line |gpt\.py:)(\d+)/;

/**
 * @param {HTMLElement} page
 * @param {{goTo: (line: number) => void}} options
 */
export function outputPane(page, { goTo }) {
  const pane = ref(page, "output", HTMLElement);
  const empty = ref(page, "output-empty", HTMLElement);
  const title = ref(page, "output-run", HTMLElement);
  let characters = 0;

  pane.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("[data-line]") : null;
    if (!(link instanceof HTMLElement)) return;
    event.preventDefault();
    goTo(Number(link.dataset.line));
  });

  /** @param {Node[]} nodes */
  const append = (...nodes) => {
    const atEnd = pane.scrollHeight - pane.scrollTop - pane.clientHeight < 24;
    pane.append(...nodes);
    if (atEnd) pane.scrollTop = pane.scrollHeight;
  };

  return {
    /** @param {string} name such as "run 2" @param {string} command what is executed, if anything is */
    begin(name, command) {
      characters = 0;
      empty.hidden = true;
      pane.hidden = false;
      title.textContent = name;
      pane.setAttribute("aria-label", `Output of ${name}`);
      pane.replaceChildren(...(command ? [element("span", { class: "p" }, `$ ${command}\n`)] : []));
    },
    /** @param {{stream: string, text: string}} chunk */
    add({ stream, text }) {
      if (characters > MOST_CHARACTERS) return;
      characters += text.length;
      append(...(stream === "stderr" ? [element("span", { class: "e" }, ...linked(text))] : linked(text)));
      if (characters > MOST_CHARACTERS) this.end("(the rest is not shown)", false);
    },
    /** @param {string} words @param {boolean} well */
    end(words, well) {
      const onNewLine = pane.textContent === "" || pane.textContent?.endsWith("\n");
      append(element("span", { class: well ? "o" : "p" }, `${onNewLine ? "" : "\n"}${words}\n`));
    },
    text: () => pane.textContent ?? "",
  };
}

/** Text in which the places of the file are links.
 * @param {string} text
 * @returns {Node[]}
 */
function linked(text) {
  const found = PLACE.exec(text);
  if (!found) return [document.createTextNode(text)];
  const end = found.index + found[0].length;
  const link = element("a", { href: "#main", "data-line": found[2] }, found[0]);
  return [document.createTextNode(text.slice(0, found.index)), link, ...linked(text.slice(end))];
}
