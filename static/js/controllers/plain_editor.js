/** The page's own text field as the editor: small, always there, the same drafts. */

/** @import {Editor, EditorEvents} from "#models/types" */

import { difference } from "#lib/ops.js";

const INDENT = "    ";

/**
 * @param {HTMLTextAreaElement} field
 * @param {EditorEvents} events
 * @returns {Editor}
 */
export function plainEditor(field, events) {
  const leaving = new AbortController();
  let known = field.value;

  const report = () => {
    const ops = difference(known, field.value);
    known = field.value;
    if (ops.length) events.edited(ops, lineAt(field));
  };
  const moved = () => events.moved(lineAt(field), columnAt(field));
  field.addEventListener("input", report, { signal: leaving.signal });
  field.addEventListener("keydown", indentWithTab, { signal: leaving.signal });
  field.addEventListener("keyup", moved, { signal: leaving.signal });
  field.addEventListener("click", moved, { signal: leaving.signal });

  return {
    kind: "plain",
    text: () => field.value,
    load(text) {
      field.value = known = text;
    },
    line: () => lineAt(field),
    focus: () => field.focus(),
    goTo: (line) => selectLine(field, line),
    setReadOnly(readOnly) {
      field.readOnly = readOnly;
    },
    showFailure(line, message) {
      field.setAttribute("aria-invalid", String(line !== null));
      field.title = line === null ? "" : `Line ${line}: ${message}`;
    },
    showChanged() {},
    showMarks() {},
    dispose: () => leaving.abort(),
  };
}

/** Tab indents; after Escape it leaves the field, as in the big editor.
 * @param {KeyboardEvent} event
 */
function indentWithTab(event) {
  const field = /** @type {HTMLTextAreaElement} */ (event.currentTarget);
  if (event.key === "Escape") field.dataset.leaving = "yes";
  else if (event.key === "Tab" && !event.shiftKey && !field.dataset.leaving && !field.readOnly) {
    event.preventDefault();
    field.setRangeText(INDENT, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input"));
  } else if (event.key !== "Tab") delete field.dataset.leaving;
}

/** @param {HTMLTextAreaElement} field */
const lineAt = (field) => field.value.slice(0, field.selectionStart).split("\n").length;

/** @param {HTMLTextAreaElement} field */
const columnAt = (field) => field.selectionStart - field.value.lastIndexOf("\n", field.selectionStart - 1);

/**
 * @param {HTMLTextAreaElement} field
 * @param {number} line
 */
function selectLine(field, line) {
  const lines = field.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  field.focus();
  field.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
  field.scrollTop = field.scrollHeight * ((line - 4) / lines.length);
}
