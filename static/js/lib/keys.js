/** Keys as the platform writes them, and whether a key press is the one that is meant. */

export const onMac = /Mac|iPhone|iPad/.test(navigator.platform);

const MAC = /** @type {Record<string, string>} */ ({ mod: "⌘", shift: "⇧", alt: "⌥", enter: "⏎" });
const ELSEWHERE = /** @type {Record<string, string>} */ ({ mod: "Ctrl", shift: "⇧", alt: "Alt", enter: "⏎" });

/** The caps of a combination such as "mod+shift+enter".
 * @param {string} combination
 * @returns {string[]}
 */
export function caps(combination) {
  const names = onMac ? MAC : ELSEWHERE;
  return combination.split("+").map((part) => names[part] ?? part.toUpperCase());
}

/** @param {string} combination */
export const label = (combination) => caps(combination).join(onMac ? "" : " ");

/**
 * @param {KeyboardEvent} event
 * @param {string} combination the last part is `event.key`, or `event.code` where alt changes the letter
 */
export function pressed(event, combination) {
  const parts = combination.split("+");
  const key = parts.pop() ?? "";
  const mod = onMac ? event.metaKey : event.ctrlKey;
  const other = onMac ? event.ctrlKey : event.metaKey;
  if (mod !== parts.includes("mod") || other) return false;
  if (event.altKey !== parts.includes("alt")) return false;
  // a question mark is typed with shift on most keyboards: shift matters only beside another modifier
  if ((parts.length > 0 || key.length > 1) && event.shiftKey !== parts.includes("shift")) return false;
  return event.key.toLowerCase() === key || (event.altKey && event.code.toLowerCase().endsWith(key));
}

/** Whether single letters belong to what has the focus.
 * @param {EventTarget | null} target
 */
export function isTyping(target) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      target.closest("input:not([type=radio]):not([type=checkbox]), textarea, select, [role=textbox], .monaco") !==
        null)
  );
}
