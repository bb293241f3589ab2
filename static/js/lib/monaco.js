/** Monaco, loaded from the page's own copy or the CDN, with our colours and a little more of Python. */

/** @import {PageFacts} from "#models/types" */

import { colour, isDark, onThemeChange } from "#lib/colour.js";
import { inTime, loadScript } from "#lib/library.js";

/**
 * Rejected when it can't be had in time: the page then keeps its plain text field.
 * @param {PageFacts["monaco"]} where
 */
export async function loadMonaco(where) {
  await loadScript(where.loader);
  const { require } = globalThis;
  require.config({ paths: { vs: where.vs } });
  await inTime(
    new Promise((resolve, reject) => require(["vs/editor/editor.main"], () => resolve(null), reject)),
    "the editor",
  );
  await colourPython();
  defineTheme();
  onThemeChange(defineTheme);
  return globalThis.monaco;
}

// prettier-ignore
const KEYWORDS = "and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield".split(" ");

/** Monaco's own Python, told apart a little further: what is defined, what is called, and self. */
async function colourPython() {
  const { languages } = globalThis.monaco;
  const python = languages.getLanguages().find(({ id }) => id === "python");
  const { language } = await Reflect.get(python ?? {}, "loader")();
  const name = /[a-zA-Z_]\w*/;
  const ours = [
    [/(class|def)(\s+)([a-zA-Z_]\w*)/, ["keyword", "white", "definition"]],
    [/\b(?:self|cls)\b/, "variable.self"],
    [/\b(?:True|False|None)\b/, "number"],
    [/[a-zA-Z_]\w*(?=\s*\()/, { cases: { "@keywords": "keyword", "@default": "definition" } }],
    [name, { cases: { "@keywords": "keyword", "@default": "identifier" } }],
  ];
  const [whitespace, numbers, strings, ...rest] = language.tokenizer.root;
  const tokenizer = { ...language.tokenizer, root: [whitespace, numbers, strings, ...ours, ...rest] };
  languages.onLanguageEncountered("python", () => {
    // after Monaco's own, which it sets on the same occasion
    setTimeout(() => languages.setMonarchTokensProvider("python", { ...language, keywords: KEYWORDS, tokenizer }));
  });
}

/** One theme under one name, written anew from the tokens when the page turns light or dark. */
function defineTheme() {
  const hex = (/** @type {string} */ token) => colour(token).hex;
  const bare = (/** @type {string} */ token) => hex(token).slice(1);
  globalThis.monaco.editor.defineTheme("overfit", {
    base: isDark() ? "vs-dark" : "vs",
    inherit: true,
    rules: [
      { token: "", foreground: bare("--code-ink") },
      { token: "comment", foreground: bare("--code-comment") },
      { token: "keyword", foreground: bare("--code-keyword") },
      { token: "string", foreground: bare("--code-string") },
      { token: "number", foreground: bare("--code-number") },
      { token: "definition", foreground: bare("--code-def") },
      { token: "tag", foreground: bare("--code-def") },
      { token: "variable.self", foreground: bare("--code-self"), fontStyle: "italic" },
      { token: "delimiter", foreground: bare("--code-ink") },
    ],
    colors: {
      "editor.background": hex("--bg"),
      "editor.foreground": hex("--code-ink"),
      "editorLineNumber.foreground": hex("--ink-3"),
      "editorLineNumber.activeForeground": hex("--ink"),
      "editorLineNumber.dimmedForeground": hex("--ink-3"),
      "editor.lineHighlightBorder": hex("--line"),
      "editor.selectionBackground": hex("--code-select"),
      "editorCursor.foreground": hex("--ink"),
      "editorIndentGuide.background1": hex("--line-soft"),
      "editorIndentGuide.activeBackground1": hex("--line"),
      "editorWidget.background": hex("--bg-overlay"),
      "editorWidget.border": hex("--line"),
      "editorOverviewRuler.border": hex("--line-soft"),
      "editorError.foreground": hex("--fail-fill"),
      focusBorder: hex("--focus"),
      ...Object.fromEntries([1, 2, 3, 4, 5, 6].map((n) => [`editorBracketHighlight.foreground${n}`, hex("--code-ink")])),
      "scrollbar.shadow": hex("--bg"),
    },
  });
  globalThis.monaco.editor.setTheme("overfit");
}
