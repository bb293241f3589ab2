/** The workspace: builds its parts from the page's facts and tells each what concerns it. */

/** @import {Editor, EditorEvents, PageFacts, RunKind, RunSummary} from "#models/types" */

import { attemptActions, goOn } from "#controllers/attempt_actions.js";
import { banners } from "#controllers/banners.js";
import { coach } from "#controllers/coach.js";
import { copy } from "#controllers/copy.js";
import { dividers } from "#controllers/dividers.js";
import { drawer } from "#controllers/drawer.js";
import { hintLadder } from "#controllers/hints.js";
import { ledger } from "#controllers/ledger.js";
import { lossChart } from "#controllers/loss_chart.js";
import { outputPane } from "#controllers/output.js";
import { goToMark, goToPane } from "#controllers/panes.js";
import { pausing } from "#controllers/pausing.js";
import { plainEditor } from "#controllers/plain_editor.js";
import { runBudget } from "#controllers/run_budget.js";
import { Runner } from "#controllers/runner.js";
import { saving } from "#controllers/saving.js";
import { startTimer } from "#controllers/timer.js";
import { verdictPane } from "#controllers/verdict_pane.js";
import { addCommands } from "#lib/commands.js";
import { pageData, ref } from "#lib/dom.js";
import { plural } from "#lib/figures.js";
import { get } from "#lib/http.js";
import { changedLines, markedRegions } from "#lib/lines.js";
import { toast } from "#lib/toast.js";
import { Draft } from "#models/draft.js";
import { Losses } from "#models/losses.js";
import { ServerClock } from "#models/server_clock.js";

const RESYNC_CLOCK_MS = 5 * 60_000;
const RESTS_MS = 300; // after an edit, before its lines are compared with the starter's

/** @param {HTMLElement} page */
export function connect(page) {
  void new Workspace(page, /** @type {PageFacts} */ (pageData("facts"))).open();
}

class Workspace {
  #page;
  #facts;
  #attempt;
  #stage;
  #clock;
  #draft;
  /** @type {Editor} */
  #editor;
  #actions;
  #banners;
  #coach;
  #drawer;
  #ledger;
  #hints;
  #output;
  #chart;
  #runner;
  #isOver;
  #readsOnly = matchMedia("(max-width: 720px)");
  /** @type {{from: number, to: number}[]} */
  #regions = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #decorating;

  /** @param {HTMLElement} page @param {PageFacts} facts */
  constructor(page, facts) {
    const { attempt } = facts;
    const [stage] = attempt.stages;
    const isOver = () => this.#isOver;
    const goTo = (/** @type {number} */ line) => this.#editor.goTo(line);
    this.#page = page;
    this.#facts = facts;
    this.#attempt = attempt;
    this.#stage = stage;
    this.#isOver = attempt.state !== "open" || stage.finished_at !== null;
    this.#clock = new ServerClock(attempt.now);
    this.#draft = new Draft(stage, this.#clock);
    this.#editor = plainEditor(ref(page, "plain", HTMLTextAreaElement), this.#events);
    this.#actions = attemptActions({ attempt, draft: this.#draft, isOver });
    this.#banners = banners(page);
    this.#coach = coach(page);
    this.#drawer = drawer(page);
    this.#hints = hintLadder(page, { attempt, stage, isOver });
    const isMarked = (/** @type {number} */ line) => this.#isMarked(line);
    this.#ledger = ledger(page, { stage, isMarked, seq: () => this.#draft.seq, isOver });
    this.#output = outputPane(page, { goTo });
    const losses = new Losses(stage.reference_loss);
    this.#chart = lossChart(page, { losses, where: facts.uplot });
    const panes = { output: this.#output, chart: this.#chart, verdict: verdictPane(page, { goTo }) };
    const onEnd = (/** @type {RunSummary} */ run) => this.#judged(run);
    const budget = runBudget(page, { budget: attempt.budget, used: stage.runs.length });
    this.#runner = new Runner(page, { attemptId: attempt.id, stage, draft: this.#draft, losses, panes, budget, onEnd });
  }

  // Lifecycle

  async open() {
    this.#addCommands();
    dividers(this.#page);
    saving(this.#page, { draft: this.#draft, banners: this.#banners, onChanged: () => this.#synchronise() });
    if (!this.#isOver) await this.#draft.adopt();
    this.#synchronise();
    this.#keepTime();
    if (this.#isOver) this.#sayOver("This is over. Its draft stays as it was.");
    pausing(this.#attempt, this.#banners);
    this.#runner.resume();
    await this.#enhance();
  }

  /** Monaco in the place of the text field; where it can't load, or there is no keyboard, the field stays. */
  async #enhance() {
    const field = ref(this.#page, "plain", HTMLTextAreaElement);
    if (this.#readsOnly.matches) {
      this.#banners.show("readonly", "Debugging wants a keyboard. Your draft is safe; open this on a computer.");
    } else {
      try {
        const { monacoEditor } = await import("#controllers/monaco_editor.js");
        const { filename } = this.#stage;
        const options = { text: this.#draft.text, filename, where: this.#facts.monaco, events: this.#events };
        const editor = await monacoEditor(ref(this.#page, "editor", HTMLElement), options);
        this.#replaceEditor(editor, field);
      } catch (error) {
        console.warn("The editor can't be loaded; the plain text field stays.", error);
        toast("The large editor can't be loaded. The plain one does the same; drafts are saved alike.");
      }
    }
    this.#synchronise();
    this.#page.dataset.editor = this.#editor.kind;
  }

  /** @param {Editor} editor @param {HTMLTextAreaElement} field */
  #replaceEditor(editor, field) {
    const takesFocus = document.activeElement === field || document.activeElement === document.body;
    this.#editor.dispose();
    this.#editor = editor;
    field.hidden = true;
    if (takesFocus) editor.focus();
  }

  #keepTime() {
    startTimer(this.#page, {
      stage: this.#stage,
      clock: this.#clock,
      keptMs: this.#facts.kept_ms,
      pausedMs: this.#attempt.paused_left_ms,
      onKept: () => this.#sayKept(),
      onOver: () => void this.#close("The time is over. The draft is kept as it stands."),
    });
    const again = async () => {
      const attempt = await get(`/api/attempts/${this.#attempt.id}`).catch(() => null);
      if (attempt) this.#clock.set(attempt.now);
    };
    setInterval(again, RESYNC_CLOCK_MS);
    // a computer that slept may have stopped the counter too
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void again();
    });
  }

  // Actions

  #addCommands() {
    const isBusy = () => this.#runner.isBusy;
    const isClosed = () => this.#isOver || this.#isPaused || this.#readsOnly.matches;
    const off = () => isClosed() || isBusy();
    const press = (/** @type {string} */ name, /** @type {boolean} */ on) =>
      ref(this.#page, name, HTMLElement).setAttribute("aria-pressed", String(on));
    const desk = ref(this.#page, "desk", HTMLElement);
    const tells = this.#page.querySelector("[data-command=reveal]") !== null;
    addCommands([
      { name: "run", label: "Run the file", keys: "mod+enter", off, act: () => this.#run("run") },
      { name: "check", label: "Check the file", keys: "mod+shift+enter", off, act: () => this.#run("check") },
      { name: "stop", label: "Stop the run", keys: "mod+.", off: () => !isBusy(), act: () => void this.#runner.stop() },
      { name: "save", label: "Keep the sentence", keys: "mod+s", act: () => this.#keep() },
      { name: "later", label: "", act: () => this.#ledger.later() },
      { name: "statement", label: "Statement", keys: "alt+1", act: () => this.#drawer.toggle("statement") },
      { name: "hints", label: "Hints", keys: "alt+2", act: () => this.#drawer.toggle("hints") },
      { name: "ledger", label: "Ledger", keys: "alt+3", act: () => this.#drawer.toggle("ledger") },
      { name: "next-mark", label: "Next mark", keys: "f8", act: () => this.#goToMark(1) },
      { name: "last-mark", label: "Previous mark", keys: "shift+f8", act: () => this.#goToMark(-1) },
      { name: "next-pane", label: "Next pane", keys: "f6", act: () => goToPane(this.#page, this.#editor, 1) },
      { name: "last-pane", label: "Previous pane", keys: "shift+f6", act: () => goToPane(this.#page, this.#editor, -1) },
      { name: "log", label: "Logarithmic loss", keys: "l", act: () => press("log", this.#chart.toggleLog()) },
      { name: "loss-table", label: "Loss as a table", act: () => press("loss-as-table", this.#chart.toggleTable()) },
      {
        name: "large-output",
        label: "Output large or small",
        keys: "alt+j",
        act: () => press("large-output", desk.classList.toggle("output-large")),
      },
      { name: "copy-output", label: "Copy the output", act: () => void this.#copyOutput() },
      { name: "reset", label: "Back to the starter", off: isClosed, act: () => void this.#reset() },
      { name: "download", label: "Download the file", act: () => this.#actions.download() },
      { name: "done", label: "Done with this stage", off: () => this.#isOver || !this.#goesOn, act: () => void this.#actions.done() },
      { name: "finish", label: "Finish and review", act: () => void this.#actions.finish() },
      { name: "reveal", label: "Reveal the bugs", off: () => !tells, act: () => void this.#actions.reveal() },
    ]);
  }

  /** @param {RunKind} kind */
  #run(kind) {
    if (this.#isOver || this.#isPaused || this.#runner.isBusy) return;
    this.#ledger.beforeRun();
    this.#editor.showFailure(null, "");
    void this.#runner.start(kind);
  }

  /** Ctrl+S keeps the ledger's sentence; the draft saves itself, at once when asked. */
  #keep() {
    if (this.#ledger.isOpen()) void this.#ledger.keep();
    else void this.#draft.flush();
  }

  async #reset() {
    if (await this.#actions.reset()) this.#synchronise();
  }

  async #copyOutput() {
    toast((await copy(this.#output.text())) ? "Copied." : "This browser doesn't let pages copy.");
  }

  /** @param {1 | -1} step */
  #goToMark(step) {
    const marks = this.#regions.map(({ from }) => from);
    if (!goToMark(this.#editor, marks, step)) toast("This file carries no marks.");
  }

  // Private

  /** @returns {EditorEvents} */
  get #events() {
    return {
      edited: (ops, line) => {
        this.#draft.record(ops, line);
        this.#coach.edited();
        this.#ledger.edited(line);
        clearTimeout(this.#decorating);
        this.#decorating = setTimeout(() => this.#decorate(), RESTS_MS);
      },
      moved: (line, column) => {
        ref(this.#page, "cursor", HTMLElement).textContent = `Ln ${line}, Col ${column}`;
      },
    };
  }

  /** The editor shows the draft's text, and lets it be written only while it may. */
  #synchronise() {
    if (this.#editor.text() !== this.#draft.text) this.#editor.load(this.#draft.text);
    const { state } = this.#draft;
    if (state === "closed" && !this.#isOver) void this.#close("This attempt was ended elsewhere, or its time is over.");
    this.#editor.setReadOnly(this.#isOver || this.#isPaused || state === "readonly" || this.#readsOnly.matches);
    this.#decorate();
  }

  #decorate() {
    const text = this.#draft.text;
    this.#regions = this.#attempt.marks ? markedRegions(text, this.#facts.mark) : [];
    this.#editor.showMarks(this.#regions);
    this.#editor.showChanged(changedLines(this.#stage.starter, text));
    const marks = this.#regions.length;
    ref(this.#page, "marks", HTMLElement).textContent = marks ? `${plural(marks, "marked region")}, F8` : "";
  }

  /** @param {RunSummary} run */
  #judged(run) {
    const failure = run.verdict?.failure ?? null;
    this.#editor.showFailure(failure?.line ?? null, failure?.message ?? "");
    if (run.verdict) this.#hints.judged(run.verdict.bugs);
    this.#coach.ran();
    if (run.kind === "check") this.#coach.checked(run.outcome === "passed");
  }

  /** Nothing more can be written: what was typed before is sent, then the page is for reading.
   * @param {string} words
   */
  async #close(words) {
    this.#isOver = true;
    this.#sayOver(words);
    await this.#draft.flush();
    this.#synchronise();
  }

  /** Whether the clock stands still: then nothing is written either. */
  get #isPaused() {
    return this.#attempt.paused_left_ms !== null;
  }

  /** Whether another stage follows this one. */
  get #goesOn() {
    return this.#attempt.state === "open" && this.#attempt.plan.some(({ state }) => state === "next");
  }

  /** @param {string} words */
  #sayOver(words) {
    for (const name of ["run", "check"]) ref(this.#page, name, HTMLButtonElement).disabled = true;
    const onward = { label: "Go on", act: () => void goOn(this.#attempt, this.#stage.id) };
    const review = { label: "Review", act: () => location.assign(`${this.#attempt.url}/review`) };
    this.#banners.show("over", words, { button: this.#goesOn ? onward : review });
  }

  #sayKept() {
    const minutes = Math.round(this.#facts.kept_ms / 60_000);
    this.#banners.show("kept", `${minutes}:00 left: the time you kept. Finish the line you are on, then run once.`, {
      look: "time",
      button: { label: "Run now", act: () => this.#run("run") },
    });
  }

  /** @param {number} line */
  #isMarked(line) {
    return this.#regions.length === 0 || this.#regions.some(({ from, to }) => from <= line && line <= to);
  }
}
