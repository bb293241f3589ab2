/** The draft of one stage: what was typed, what the server has of it, and what is on its way. */

/** @import {Batch, DraftState, Edit, Leftover, Op, Stage} from "#models/types" */
/** @import {ServerClock} from "#models/server_clock.js" */

import { Refusal, get, send } from "#lib/http.js";
import { applyOps } from "#lib/ops.js";
import * as store from "#lib/store.js";

const BATCH_MS = 1000;
const MOST_OPS = 500; // in one edit
const MOST_EDITS = 100; // in one batch: an hour without a network is sent in several
const LONGEST_WAIT_MS = 5000;

/**
 * Events: "state" when `state` changed; "conflict" when another tab wrote first.
 * Every write names the sequence that it builds on, so two tabs can't mix their edits.
 */
export class Draft extends EventTarget {
  /** @type {DraftState} */
  state = "saved";
  /** Why the server would not take it, when it would not. */
  reason = "";
  text;
  seq;
  #url;
  #clock;
  #family;
  #key;
  /** @type {Edit[]} */
  #waiting = [];
  /** @type {Batch | null} */
  #sending = null;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {Promise<void> | null} */
  #flight = null;

  /**
   * @param {Stage} stage
   * @param {ServerClock} clock
   */
  constructor(stage, clock) {
    super();
    this.text = stage.draft;
    this.seq = stage.draft_seq;
    this.#url = `/api/stages/${stage.id}/edits`;
    this.#clock = clock;
    this.#family = `draft:${stage.id}:`;
    this.#key = this.#family + unique();
  }

  // Lifecycle

  /**
   * Go on with what an earlier page of this stage couldn't send: reloaded, crashed or closed offline.
   * A page that lives holds a lock by its key's name, so that nobody takes its edits.
   */
  async adopt() {
    const { locks } = navigator;
    void locks?.request(this.#key, () => new Promise(() => {}));
    const alive = new Set((await locks?.query())?.held?.map(({ name }) => name));
    const [found] = store
      .keys(this.#family)
      .filter((key) => key !== this.#key && !alive.has(key))
      .map((key) => ({ key, left: /** @type {Leftover | null} */ (store.read(key)) }))
      .sort((a, b) => (b.left?.at ?? 0) - (a.left?.at ?? 0));
    if (!found?.left) return;
    const { seq, text, sending, waiting } = found.left;
    Object.assign(this, { seq, text });
    this.#sending = sending;
    this.#waiting = waiting;
    store.drop(found.key);
    this.#note();
  }

  /** Whether everything typed here is on the server. */
  get isSettled() {
    return this.#waiting.length === 0 && this.#sending === null;
  }

  // Actions

  /**
   * @param {Op[]} ops
   * @param {number} line where the cursor stands after them
   */
  record(ops, line) {
    this.text = applyOps(this.text, ops);
    const last = this.#waiting.at(-1);
    const now = this.#clock.now();
    if (last?.kind === "resync") last.payload = { text: this.text };
    else if (last && "ops" in last.payload && now - last.at_ms < BATCH_MS && last.payload.ops.length < MOST_OPS) {
      last.payload.ops.push(...ops);
      last.payload.line = line;
    } else this.#waiting.push({ at_ms: now, kind: "ops", payload: { ops: [...ops], line } });
    this.#note();
  }

  /**
   * The whole text at once: back to the starter, or this tab's text over another's.
   * @param {"reset" | "resync"} kind
   * @param {string} text
   */
  replace(kind, text) {
    this.text = text;
    this.#waiting.push({ at_ms: this.#clock.now(), kind, payload: { text } });
    this.#note();
  }

  /** Send what waits and come back when the server has it; quiet about failures, `state` tells. */
  async flush() {
    while (!this.isSettled && this.#maySend) {
      const before = this.#failures;
      await (this.#flight ??= this.#send().finally(() => (this.#flight = null)));
      if (this.#failures > before) break;
    }
  }

  /** What is left when the page goes away: a last try that outlives it. The store has it anyway. */
  leave() {
    if (!this.isSettled && this.#maySend && !this.#flight) void this.#send({ keepalive: true });
  }

  /** Give up what was typed here since the conflict and go on from the server's text. */
  async takeNewer() {
    const answer = await get(`${this.#url}?after=${this.seq}`);
    this.#restart(answer.seq, answer.draft);
  }

  /** Put this tab's text over the newer one; the server keeps both in its record. */
  async keepMine() {
    const answer = await get(`${this.#url}?after=${this.seq}`);
    const mine = this.text;
    this.#restart(answer.seq, answer.draft);
    this.replace("resync", mine);
    await this.flush();
  }

  readOnly() {
    this.#become("readonly");
  }

  close() {
    this.#become("closed");
  }

  // Private

  get #maySend() {
    return this.state !== "conflict" && this.state !== "readonly" && this.state !== "closed";
  }

  #note() {
    this.#keep();
    if (!this.#maySend) return;
    if (this.state === "saved") this.#become("saving");
    this.#schedule(BATCH_MS);
  }

  /** @param {number} ms */
  #schedule(ms) {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, ms);
  }

  async #send({ keepalive = false } = {}) {
    this.#sending ??= { batch: unique(), base: this.seq, edits: this.#waiting.splice(0, MOST_EDITS) };
    this.#keep();
    try {
      const answer = await send("POST", this.#url, this.#sending, { keepalive });
      this.#arrived(answer.seq);
    } catch (error) {
      this.#refused(error);
    }
  }

  /** @param {number} seq */
  #arrived(seq) {
    this.seq = seq;
    this.#sending = null;
    this.#failures = 0;
    this.#keep();
    this.#become(this.isSettled ? "saved" : "saving");
  }

  /** @param {unknown} error */
  #refused(error) {
    this.#failures += 1;
    if (error instanceof Refusal && error.status === 409) {
      this.#become("seq" in error.facts ? "conflict" : "closed");
      return;
    }
    if (error instanceof Refusal && error.status < 500 && error.status !== 429) {
      // it would be refused again as it is: offer the whole text once something in it has changed
      this.reason = error.words;
      this.#sending = null;
      this.#waiting = [{ at_ms: this.#clock.now(), kind: "resync", payload: { text: this.text } }];
      this.#become("refused");
      return;
    }
    this.#become("offline");
    this.#schedule(Math.min(LONGEST_WAIT_MS, 500 * 2 ** this.#failures));
  }

  /**
   * @param {number} seq
   * @param {string} text
   */
  #restart(seq, text) {
    this.seq = seq;
    this.text = text;
    this.#waiting = [];
    this.#sending = null;
    this.#failures = 0;
    this.#keep();
    this.#become("saved");
  }

  /** @param {DraftState} state */
  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
    if (state === "conflict") this.dispatchEvent(new Event("conflict"));
  }

  #keep() {
    if (this.isSettled) return store.drop(this.#key);
    /** @type {Leftover} */
    const left = {
      seq: this.seq,
      text: this.text,
      sending: this.#sending,
      waiting: this.#waiting,
      at: this.#clock.now(),
    };
    return store.write(this.#key, left);
  }
}

/** A name that nothing else has; batches are known by theirs when they are sent twice. */
const unique = () => globalThis.crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
