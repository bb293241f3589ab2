/** The page's commands: one list behind its buttons, its keys and the palette. */

import { isTyping, pressed } from "#lib/keys.js";

/**
 * @typedef {object} Command
 * @property {string} name what markup calls it: data-command="name"
 * @property {string} label what the palette calls it; empty: not listed there
 * @property {string} [keys] such as "mod+enter"; a single letter works only outside fields
 * @property {(event?: Event) => void} act
 * @property {() => boolean} [off] true while it can't be done
 */

/** @type {Map<string, Command>} */
const known = new Map();

/** @param {Command[]} commands */
export function addCommands(commands) {
  for (const command of commands) known.set(command.name, command);
}

export const listCommands = () => [...known.values()].filter(({ label, off }) => label && !off?.());

/** Buttons and keys, wherever they are; keys before the editor's own.
 * @param {Document} page
 */
export function listen(page) {
  page.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-command]") : null;
    if (button instanceof HTMLElement) known.get(button.dataset.command ?? "")?.act(event);
  });
  page.addEventListener("keydown", onKey, { capture: true });
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (event.isComposing || document.querySelector("dialog[open]")) return;
  for (const { keys, act, off } of known.values()) {
    if (!keys || !pressed(event, keys)) continue;
    if (isBare(keys) && isTyping(event.target)) continue;
    event.preventDefault();
    event.stopPropagation();
    if (!off?.()) act(event);
    return;
  }
}

/** @param {string} keys */
const isBare = (keys) => keys.length === 1;
