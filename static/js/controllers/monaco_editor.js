/** Monaco as the editor of a stage. */

/** @import {Editor, EditorEvents, PageFacts} from "#models/types" */

import { colour } from "#lib/colour.js";
import { loadMonaco } from "#lib/monaco.js";

const OPTIONS = /** @type {import("monaco-editor").editor.IStandaloneEditorConstructionOptions} */ ({
  language: "python",
  theme: "overfit",
  fontSize: 13,
  lineHeight: 20,
  fontLigatures: false,
  padding: { top: 8, bottom: 8 },
  minimap: { enabled: false },
  stickyScroll: { enabled: false },
  scrollBeyondLastLine: false,
  renderLineHighlight: "all",
  renderFinalNewline: "on",
  automaticLayout: true,
  fixedOverflowWidgets: true,
  folding: false,
  lineDecorationsWidth: 16,
  lineNumbersMinChars: 4,
  overviewRulerBorder: true,
  scrollbar: { verticalScrollbarSize: 10, horizontalScrollbarSize: 8, useShadows: false },
  guides: { indentation: false },
  occurrencesHighlight: "singleFile",
  quickSuggestions: false,
  suggestOnTriggerCharacters: false,
  wordBasedSuggestions: "currentDocument",
  unicodeHighlight: { ambiguousCharacters: false },
  tabSize: 4,
  insertSpaces: true,
  detectIndentation: false,
  accessibilitySupport: "auto",
});

/**
 * @param {HTMLElement} host
 * @param {{text: string, filename: string, where: PageFacts["monaco"], events: EditorEvents}} options
 * @returns {Promise<Editor>}
 */
export async function monacoEditor(host, { text, filename, where, events }) {
  const monaco = await loadMonaco(where);
  const box = document.createElement("div");
  box.className = "monaco";
  const model = monaco.editor.createModel(text, "python");
  model.setEOL(monaco.editor.EndOfLineSequence.LF);
  const fontFamily = getComputedStyle(document.documentElement).getPropertyValue("--font-code");
  host.append(box);
  const editor = monaco.editor.create(box, { ...OPTIONS, model, fontFamily, ariaLabel: filename });
  leaveByEscapeThenTab(box);

  let loading = false;
  model.onDidChangeContent(({ changes }) => {
    if (loading) return;
    // all offsets of one event are those before it: from the end, each stays true for the next
    const ordered = [...changes].sort((a, b) => b.rangeOffset - a.rangeOffset);
    const line = editor.getPosition()?.lineNumber ?? 1;
    events.edited(ordered.map((c) => [c.rangeOffset, c.rangeLength, c.text]), line);
  });
  editor.onDidChangeCursorPosition(({ position }) => events.moved(position.lineNumber, position.column));
  const [marks, changed, failed] = [0, 1, 2].map(() => editor.createDecorationsCollection());

  /** @param {number} from @param {number} to */
  const whole = (from, to) => new monaco.Range(from, 1, to, 1);
  return {
    kind: "monaco",
    text: () => model.getValue(),
    load(fresh) {
      loading = true;
      const at = editor.getPosition();
      model.setValue(fresh);
      if (at) editor.setPosition(at);
      loading = false;
    },
    line: () => editor.getPosition()?.lineNumber ?? 1,
    focus: () => editor.focus(),
    goTo(line) {
      editor.revealLineInCenter(line);
      editor.setPosition({ lineNumber: line, column: model.getLineFirstNonWhitespaceColumn(line) || 1 });
      editor.focus();
    },
    setReadOnly: (readOnly) => editor.updateOptions({ readOnly, domReadOnly: readOnly }),
    showFailure(line, message) {
      const inside = line !== null && line >= 1 && line <= model.getLineCount();
      failed.set(inside ? [{ range: whole(line, line), options: { isWholeLine: true, className: "is-failed" } }] : []);
      monaco.editor.setModelMarkers(model, "overfit", inside ? [problemAt(monaco, model, line, message)] : []);
      if (inside) editor.revealLineInCenterIfOutsideViewport(line);
    },
    showChanged(lines) {
      const options = { isWholeLine: true, linesDecorationsClassName: "is-changed-bar" };
      changed.set(lines.map((line) => ({ range: whole(line, line), options })));
    },
    showMarks(regions) {
      const options = {
        isWholeLine: true,
        className: "is-marked",
        marginClassName: "is-marked",
        linesDecorationsClassName: "is-marked-bar",
        overviewRuler: { color: colour("--time-fill").hex, position: monaco.editor.OverviewRulerLane.Center },
      };
      marks.set(regions.map(({ from, to }) => ({ range: whole(from, to), options })));
    },
    dispose() {
      editor.dispose();
      model.dispose();
      box.remove();
    },
  };
}

/**
 * @param {typeof import("monaco-editor")} monaco
 * @param {import("monaco-editor").editor.ITextModel} model
 * @param {number} line
 * @param {string} message
 */
function problemAt(monaco, model, line, message) {
  return {
    severity: monaco.MarkerSeverity.Error,
    message,
    startLineNumber: line,
    endLineNumber: line,
    startColumn: model.getLineFirstNonWhitespaceColumn(line) || 1,
    endColumn: model.getLineMaxColumn(line),
  };
}

/** Tab belongs to the code; Escape gives the next one back to the page.
 * @param {HTMLElement} box
 */
function leaveByEscapeThenTab(box) {
  let leaving = false;
  box.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Tab" && leaving) event.stopPropagation();
      if (event.key !== "Shift") leaving = event.key === "Escape";
    },
    { capture: true },
  );
}
