/** Runs and checks of a stage: asked for, followed event by event, stopped, shown. */

/** @import {RunKind, RunState, RunSummary, Stage} from "#models/types" */
/** @import {Draft} from "#models/draft.js" */
/** @import {Losses} from "#models/losses.js" */

import { announce, ref } from "#lib/dom.js";
import { loss, plural, seconds } from "#lib/figures.js";
import { Refusal, get, post } from "#lib/http.js";
import { toast } from "#lib/toast.js";
import { followRun } from "#models/run.js";

/**
 * @typedef {object} Panes
 * @property {ReturnType<typeof import("#controllers/output.js").outputPane>} output
 * @property {ReturnType<typeof import("#controllers/loss_chart.js").lossChart>} chart
 * @property {ReturnType<typeof import("#controllers/verdict_pane.js").verdictPane>} verdict
 */

export class Runner {
  #page;
  #attemptId;
  #stage;
  #draft;
  #losses;
  #panes;
  #onEnd;
  #budget;
  /** @type {RunSummary | null} */
  #running = null;
  /** @type {() => void} */
  #leave = () => {};
  #examined = 0;

  /**
   * @param {HTMLElement} page
   * @param {object} options
   * @param {string} options.attemptId
   * @param {Stage} options.stage
   * @param {Draft} options.draft
   * @param {Losses} options.losses
   * @param {Panes} options.panes
   * @param {ReturnType<typeof import("#controllers/run_budget.js").runBudget>} options.budget
   * @param {(run: RunSummary) => void} options.onEnd
   */
  constructor(page, { attemptId, stage, draft, losses, panes, budget, onEnd }) {
    this.#page = page;
    this.#attemptId = attemptId;
    this.#stage = stage;
    this.#draft = draft;
    this.#losses = losses;
    this.#panes = panes;
    this.#budget = budget;
    this.#onEnd = onEnd;
  }

  // Lifecycle

  /** Show the last run of an earlier visit, or go on following one that is under way. */
  resume() {
    const last = this.#stage.runs.at(-1);
    if (last) this.#follow(last, { again: true });
  }

  // Actions

  get isBusy() {
    return this.#running !== null;
  }

  /** @param {RunKind} kind */
  async start(kind) {
    if (this.isBusy || !(await this.#budget.mayRun())) return;
    this.#busy(kind);
    await this.#draft.flush();
    try {
      const body = { code: this.#draft.text, kind, draft_seq: this.#draft.seq };
      const run = await post(`/api/stages/${this.#stage.id}/runs`, body);
      this.#budget.ran();
      this.#follow({ ...run, kind });
    } catch (error) {
      this.#idle();
      this.#panes.output.begin(kind, "");
      const words = error instanceof Refusal ? error.words : "The server can't be reached. Nothing was counted; your draft is safe.";
      this.#panes.output.add({ stream: "stderr", text: `${words}\n` });
      announce(words);
    }
  }

  async stop() {
    const run = this.#running;
    if (!run) return;
    // a run that ended meanwhile has nothing left to stop
    await post(`/api/runs/${run.id}/cancel`).catch(() => {});
  }

  // Private

  /**
   * @param {RunSummary} run
   * @param {{again?: boolean}} [options] again: what happened is read again, and told to nobody
   */
  #follow(run, { again = false } = {}) {
    const { output, chart, verdict } = this.#panes;
    const name = `${run.kind} ${run.number}`;
    this.#leave();
    this.#running = run;
    this.#examined = 0;
    this.#busy(run.kind);
    output.begin(name, run.kind === "run" ? `python ${this.#stage.filename}` : "");
    this.#losses.begin();
    chart.update();
    if (!again) {
      verdict.wait();
      if (run.kind === "run") chart.lookAt();
    }
    this.#leave = followRun(`/api/runs/${run.id}/events`, {
      status: (status) => this.#say(name, status),
      output: (chunk) => output.add(chunk),
      loss: (points) => {
        this.#losses.add(points);
        chart.update();
      },
      property: () => this.#facts(`${name}: ${plural((this.#examined += 1), "property", "properties")} examined`),
      verdict: () => this.#soFar(run, `${name}: judging the bugs one by one`, again),
      bug: () => this.#soFar(run, `${name}: judging the bugs one by one`, again),
      end: (end) => void this.#ended(run, end, again),
      connection: (there) => this.#facts(there ? name : `${name}: connection lost, trying again`),
    });
  }

  /**
   * @param {RunSummary} run
   * @param {{state: RunState, message: string | null}} end
   * @param {boolean} again
   */
  async #ended(run, end, again) {
    const { output, verdict } = this.#panes;
    const ended = await this.#summary(run, end);
    const took = ended.started_at && ended.finished_at ? seconds(ended.finished_at - ended.started_at) : "";
    const ran = ended.verdict && ended.kind === "run" ? seconds(ended.verdict.timings.run_ms ?? 0) : took;
    output.end([endWords(ended), ran].filter(Boolean).join("   "), ended.state === "done" && !ended.verdict?.failure);
    this.#facts([`${run.kind} ${run.number} of this attempt`, took].filter(Boolean).join(" · "));
    this.#running = null;
    this.#idle();
    void this.#wantReference();
    if (!again || this.#stage.runs.at(-1)?.state !== ended.state) {
      await verdict.show(ended).catch(() => toast("The verdict is there, but can't be fetched. Reload the page."));
      this.#tellLoss();
    }
    verdict.settle();
    this.#onEnd(ended);
  }

  /** The whole file is judged; grafts still speak for some of its bugs. @param {RunSummary} run @param {string} facts @param {boolean} again */
  #soFar(run, facts, again) {
    if (again || this.#running !== run) return;
    this.#facts(facts);
    this.#panes.verdict.showSoFar(run).catch(() => {}); // the end brings it again
  }

  /** The reference may still be in the making when the page opens: ask for it with the first end. */
  async #wantReference() {
    if (this.#losses.reference.length) return;
    const attempt = await get(`/api/attempts/${this.#attemptId}`).catch(() => null);
    const stage = attempt?.stages.find((/** @type {Stage} */ { id }) => id === this.#stage.id);
    this.#losses.reference = stage?.reference_loss ?? [];
    if (this.#losses.reference.length) this.#panes.chart.update();
  }

  /** @param {RunSummary} run @param {{state: RunState, message: string | null}} end */
  async #summary(run, end) {
    try {
      return /** @type {RunSummary} */ (await get(`/api/runs/${run.id}`));
    } catch {
      return { ...run, ...end };
    }
  }

  /** @param {string} name @param {{state: RunState, phase?: string, position?: number}} status */
  #say(name, { state, phase, position }) {
    if (state === "queued") this.#facts(`${name}: ${position ? (position > 1 ? `number ${position} in line` : "next in line") : "waiting for the machine"}`);
    else if (state === "running") this.#facts(`${name}: ${phase ?? "running"}`);
  }

  #tellLoss() {
    const { first, last } = this.#losses;
    if (first !== null && last !== null) announce(`Loss went from ${loss(first)} to ${loss(last)}`);
  }

  /** @param {string} words */
  #facts(words) {
    ref(this.#page, "run-facts", HTMLElement).textContent = words;
  }

  /** @param {RunKind} kind */
  #busy(kind) {
    for (const name of /** @type {const} */ (["run", "check"])) {
      const button = ref(this.#page, name, HTMLButtonElement);
      button.setAttribute("aria-disabled", "true");
      button.setAttribute("aria-busy", String(name === kind));
    }
    ref(this.#page, "stop", HTMLButtonElement).disabled = false;
  }

  #idle() {
    for (const name of ["run", "check"]) {
      const button = ref(this.#page, name, HTMLButtonElement);
      button.removeAttribute("aria-disabled");
      button.removeAttribute("aria-busy");
    }
    ref(this.#page, "stop", HTMLButtonElement).disabled = true;
  }
}

/** @param {RunSummary} run */
function endWords({ state, outcome, kind, message, verdict }) {
  if (state === "cancelled") return "stopped";
  if (state === "interrupted" || state === "error") return message ?? "our fault: nothing was counted";
  if (verdict?.failure) return verdict.failure.line ? `stopped on line ${verdict.failure.line}` : "stopped";
  if (kind === "run") return "exit 0";
  return outcome === "passed" ? "everything holds" : "examined";
}
