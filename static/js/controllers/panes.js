/** Moving about by keyboard: from mark to mark, from pane to pane. */

/** @import {Editor} from "#models/types" */

const PANES = ".drawer:not([hidden]) [role=tabpanel]:not([hidden]), .editor, .term:not([hidden]), .side";

/**
 * The next or previous mark from where the cursor stands, round and round; false when there is none.
 * @param {Editor} editor
 * @param {number[]} marks line numbers, rising
 * @param {1 | -1} step
 */
export function goToMark(editor, marks, step) {
  const here = editor.line();
  const next = step > 0 ? marks.find((line) => line > here) : marks.findLast((line) => line < here);
  const target = next ?? marks.at(step > 0 ? 0 : -1);
  if (target === undefined) return false;
  editor.goTo(target);
  return true;
}

/**
 * @param {HTMLElement} page
 * @param {Editor} editor
 * @param {1 | -1} step
 */
export function goToPane(page, editor, step) {
  const panes = [...page.querySelectorAll(PANES)];
  const here = panes.findIndex((pane) => pane.contains(document.activeElement));
  const pane = panes[(here + step + panes.length) % panes.length];
  if (pane?.classList.contains("editor")) editor.focus();
  else if (pane instanceof HTMLElement) {
    if (!pane.hasAttribute("tabindex")) pane.tabIndex = -1;
    pane.focus();
  }
}
