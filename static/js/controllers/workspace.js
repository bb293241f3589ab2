/** The workspace: builds its parts from the page's facts and tells each what concerns it. */

/** @import {Editor, EditorEvents, PageFacts, RunKind, RunSummary} from "#models/types" */

import { banners } from "#controllers/banners.js";
import { coach } from "#controllers/coach.js";
import { copy } from "#controllers/copy.js";
import { dividers } from "#controllers/dividers.js";
import { drawer } from "#controllers/drawer.js";
import { hintLadder } from "#controllers/hints.js";
import { ledger } from "#controllers/ledger.js";
import { lossChart } from "#controllers/loss_chart.js";
import { outputPane } from "#controllers/output.js";
import { plainEditor } from "#controllers/plain_editor.js";
import { Runner } from "#controllers/runner.js";
import { saving } from "#controllers/saving.js";
import { startTimer } from "#controllers/timer.js";
import { verdictPane } from "#controllers/verdict_pane.js";
import { ask } from "#lib/ask.js";
import { addCommands } from "#lib/commands.js";
import { pageData, ref } from "#lib/dom.js";
import { plural } from "#lib/figures.js";
import { Refusal, get, post } from "#lib/http.js";
import { changedLines, markedRegions } from "#lib/lines.js";
import { toast } from "#lib/toast.js";
import { Draft } from "#models/draft.js";
import { Losses } from "#models/losses.js";
import { ServerClock } from "#models/server_clock.js";

const READING_ONLY = "(max-width: 720px)";
const RESYNC_CLOCK_MS = 5 * 60_000;

/** @param {HTMLElement} page */
export function connect(page) {
  const workspace = new Workspace(page, /** @type {PageFacts} */ (pageData("facts")));
  void workspace.open();
}

class Workspace {
  #page;
  #facts;
  #attempt;
  #stage;
  #clock;
  #draft;
  #losses;
  /** @type {Editor} */
  #editor;
  #banners;
  #coach;
  #drawer;
  #ledger;
  #hints;
  #output;
  #chart;
  #runner;
  /** @type {{from: number, to: number}[]} */
  #regions = [];
  #over;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #decorating;

  /** @param {HTMLElement} page @param {PageFacts} facts */
  constructor(page, facts) {
    const { attempt } = facts;
    const [stage] = attempt.stages;
    this.#page = page;
    this.#facts = facts;
    this.#attempt = attempt;
    this.#stage = stage;
    this.#over = attempt.state !== "open";
    this.#clock = new ServerClock(attempt.now);
    this.#draft = new Draft(stage, this.#clock);
    this.#losses = new Losses(stage.reference_loss);
    this.#editor = plainEditor(ref(page, "plain", HTMLTextAreaElement), this.#events);
    const goTo = (/** @type {number} */ line) => this.#editor.goTo(line);
    const isOver = () => this.#over;
    this.#banners = banners(page);
    this.#coach = coach(page);
    this.#drawer = drawer(page);
    this.#hints = hintLadder(page, { attempt, stageId: stage.id, isOver });
    this.#ledger = ledger(page, { stage, isMarked: (line) => this.#isMarked(line), seq: () => this.#draft.seq, isOver });
    this.#output = outputPane(page, { goTo });
    this.#chart = lossChart(page, { losses: this.#losses, where: facts.uplot });
    const panes = { output: this.#output, chart: this.#chart, verdict: verdictPane(page, { goTo }) };
    const onEnd = (/** @type {RunSummary} */ run) => this.#judged(run);
    this.#runner = new Runner(page, { attemptId: attempt.id, stage, draft: this.#draft, losses: this.#losses, panes, onEnd });
  }

  // Lifecycle

  async open() {
    dividers(this.#page);
    saving(this.#page, { draft: this.#draft, banners: this.#banners, onChanged: () => this.#synchronise() });
    this.#addCommands();
    this.#keepTime();
    this.#synchronise();
    this.#runner.resume();
    await this.#enhance();
  }

  /** Monaco in the place of the text field; where it can't load, the field stays. */
  async #enhance() {
    if (matchMedia(READING_ONLY).matches) {
      this.#banners.show("readonly", "Debugging wants a keyboard. Your draft is safe; open this on a computer.");
      this.#synchronise();
      return;
    }
    const host = ref(this.#page, "editor", HTMLElement);
    try {
      const { monacoEditor } = await import("#controllers/monaco_editor.js");
      const editor = await monacoEditor(host, {
        text: this.#draft.text,
        filename: this.#stage.filename,
        where: this.#facts.monaco,
        events: this.#events,
      });
      const hadFocus = document.activeElement === ref(this.#page, "plain", HTMLTextAreaElement);
      this.#editor.dispose();
      ref(this.#page, "plain", HTMLTextAreaElement).hidden = true;
      this.#editor = editor;
      if (editor.text() !== this.#draft.text) editor.load(this.#draft.text);
      if (hadFocus || document.activeElement === document.body) editor.focus();
    } catch (error) {
      console.warn("The editor can't be loaded; the plain text field stays.", error);
      toast("The large editor can't be loaded. The plain one does the same; drafts are saved alike.");
    }
    this.#synchronise();
    this.#decorate();
    this.#page.dataset.editor = this.#editor.kind;
  }

  #keepTime() {
    startTimer(this.#page, {
      stage: this.#stage,
      clock: this.#clock,
      keptMs: this.#facts.kept_ms,
      onKept: () => this.#sayKept(),
      onOver: () => this.#sayOver(),
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
    const busy = () => this.#runner.isBusy;
    const closed = () => this.#over || matchMedia(READING_ONLY).matches;
    const still = () => closed() || busy();
    addCommands([
      { name: "run", label: "Run the file", keys: "mod+enter", off: still, act: () => this.#run("run") },
      { name: "check", label: "Check the file", keys: "mod+shift+enter", off: still, act: () => this.#run("check") },
      { name: "stop", label: "Stop the run", keys: "mod+.", off: () => !busy(), act: () => void this.#runner.stop() },
      { name: "save", label: "Keep the sentence", keys: "mod+s", act: () => this.#keep() },
      { name: "later", label: "", act: () => this.#ledger.later() },
      { name: "statement", label: "Statement", keys: "alt+1", act: () => this.#drawer.toggle("statement") },
      { name: "hints", label: "Hints", keys: "alt+2", act: () => this.#drawer.toggle("hints") },
      { name: "ledger", label: "Ledger", keys: "alt+3", act: () => this.#drawer.toggle("ledger") },
      { name: "large-output", label: "Output large or small", keys: "alt+j", act: () => this.#enlargeOutput() },
      { name: "copy-output", label: "Copy the output", act: () => void this.#copyOutput() },
      { name: "next-mark", label: "Next mark", keys: "f8", act: () => this.#goToMark(1) },
      { name: "last-mark", label: "Previous mark", keys: "shift+f8", act: () => this.#goToMark(-1) },
      { name: "next-pane", label: "Next pane", keys: "f6", act: () => this.#goToPane(1) },
      { name: "last-pane", label: "Previous pane", keys: "shift+f6", act: () => this.#goToPane(-1) },
      { name: "log", label: "Logarithmic loss", keys: "l", act: () => this.#press("log", this.#chart.toggleLog()) },
      { name: "loss-table", label: "Loss as a table", act: () => this.#press("loss-as-table", this.#chart.toggleTable()) },
      { name: "reset", label: "Back to the starter", off: closed, act: () => void this.#reset() },
      { name: "download", label: "Download the file", act: () => this.#download() },
      { name: "finish", label: "Finish and review", act: () => void this.#finish() },
      { name: "reveal", label: "Reveal the bugs", act: () => void this.#reveal() },
    ]);
  }

  /** @param {RunKind} kind */
  #run(kind) {
    if (this.#over || this.#runner.isBusy) return;
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
    const answer = await ask(
      "Back to the starter?",
      "The editor takes the text that you were given. What you wrote stays in the record of this attempt.",
      [
        { value: "reset", label: "Back to the starter" },
        { value: "", label: "Go on" },
      ],
    );
    if (answer !== "reset") return;
    this.#draft.replace("reset", this.#stage.starter);
    this.#synchronise();
  }

  #download() {
    const url = URL.createObjectURL(new Blob([this.#draft.text], { type: "text/x-python" }));
    const link = Object.assign(document.createElement("a"), { href: url, download: this.#stage.filename });
    link.click();
    URL.revokeObjectURL(url);
  }

  async #copyOutput() {
    toast((await copy(this.#output.text())) ? "Copied." : "This browser doesn't let pages copy.");
  }

  #enlargeOutput() {
    this.#press("large-output", ref(this.#page, "desk", HTMLElement).classList.toggle("output-large"));
  }

  async #finish() {
    if (!this.#over) {
      const answer = await ask("Finish this attempt?", "The clock stops, the bugs are told, and the review opens. It can't be taken up again.", [
        { value: "finish", label: "Finish and review", look: "primary" },
        { value: "", label: "Go on" },
      ]);
      if (answer !== "finish") return;
      await this.#draft.flush();
      if (!(await this.#ask(`/api/attempts/${this.#attempt.id}/finish`))) return;
    }
    location.assign(`${this.#attempt.url}/review`);
  }

  async #reveal() {
    const answer = await ask(
      "Reveal the bugs?",
      "The review then tells each bug, its line and its why. The attempt stays open and is noted as revealed.",
      [
        { value: "reveal", label: "Reveal the bugs", look: "danger" },
        { value: "", label: "Not yet" },
      ],
    );
    if (answer !== "reveal") return;
    await this.#draft.flush();
    if (await this.#ask(`/api/attempts/${this.#attempt.id}/reveal`)) location.assign(`${this.#attempt.url}/review#bugs`);
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
        this.#decorating = setTimeout(() => this.#decorate(), 300);
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
    if (state === "closed" && !this.#over) this.#sayOver();
    this.#editor.setReadOnly(this.#over || state === "readonly" || state === "closed" || matchMedia(READING_ONLY).matches);
    this.#decorate();
  }

  #decorate() {
    const text = this.#draft.text;
    this.#regions = this.#attempt.marks ? markedRegions(text, this.#facts.mark) : [];
    this.#editor.showMarks(this.#regions);
    const marks = this.#regions.length;
    ref(this.#page, "marks", HTMLElement).textContent = marks ? `${plural(marks, "marked region")}, F8` : "";
    this.#editor.showChanged(changedLines(this.#stage.starter, text));
  }

  /** @param {RunSummary} run */
  #judged(run) {
    const failure = run.verdict?.failure ?? null;
    this.#editor.showFailure(failure?.line ?? null, failure?.message ?? "");
    if (run.verdict) this.#hints.judged(run.verdict.bugs);
    this.#coach.ran();
    if (run.kind === "check") this.#coach.checked(run.outcome === "passed");
  }

  #sayKept() {
    const minutes = Math.round(this.#facts.kept_ms / 60_000);
    this.#banners.show("kept", `${minutes}:00 left: the time you kept. Finish the line you are on, then run once.`, {
      look: "time",
      button: { label: "Run now", act: () => this.#run("run") },
    });
  }

  #sayOver() {
    this.#banners.show("over", "The time is over. The draft is kept as it stands.", {
      button: { label: "Review", act: () => void this.#finish() },
    });
  }

  /** @param {number} line */
  #isMarked(line) {
    return this.#regions.length === 0 || this.#regions.some(({ from, to }) => from <= line && line <= to);
  }

  /** @param {number} step */
  #goToMark(step) {
    const marks = this.#regions.map(({ from }) => from);
    const here = this.#editor.line();
    const next = step > 0 ? marks.find((line) => line > here) : marks.findLast((line) => line < here);
    const target = next ?? marks.at(step > 0 ? 0 : -1);
    if (target === undefined) toast("This file carries no marks.");
    else this.#editor.goTo(target);
  }

  /** @param {number} step */
  #goToPane(step) {
    const panes = [...this.#page.querySelectorAll(".drawer:not([hidden]) [role=tabpanel]:not([hidden]), .editor, .term:not([hidden]), .side")];
    const here = panes.findIndex((pane) => pane.contains(document.activeElement));
    const pane = panes[(here + step + panes.length) % panes.length];
    if (pane?.classList.contains("editor")) this.#editor.focus();
    else if (pane instanceof HTMLElement) {
      if (!pane.hasAttribute("tabindex")) pane.tabIndex = -1;
      pane.focus();
    }
  }

  /** @param {string} name @param {boolean} on */
  #press(name, on) {
    ref(this.#page, name, HTMLElement).setAttribute("aria-pressed", String(on));
  }

  /** @param {string} url */
  async #ask(url) {
    try {
      await post(url);
      return true;
    } catch (error) {
      toast(error instanceof Refusal ? error.words : "The server can't be reached. Nothing has changed.");
      return false;
    }
  }
}
