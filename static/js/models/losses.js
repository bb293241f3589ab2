/** The loss curves of a stage: the present run's, the reference's, and the ones before. */

/** @import {Points} from "#models/types" */

export class Losses {
  /** @type {Points} */
  yours = [];
  /** @type {Points[]} */
  past = [];
  reference;

  /** @param {Points | null} reference */
  constructor(reference) {
    this.reference = reference ?? [];
  }

  #fresh = false;

  /** A run begins: what it reports will be the present curve, and the one before an earlier one. */
  begin() {
    this.#fresh = true;
  }

  /** @param {Points} points */
  add(points) {
    if (this.#fresh) {
      if (this.yours.length > 1) this.past = [...this.past.slice(-2), this.yours];
      this.yours = [];
      this.#fresh = false;
    }
    this.yours.push(...points);
  }

  /** Whether what is drawn is an earlier run's: the one that began has reported nothing yet. */
  get isOld() {
    return this.#fresh && this.yours.length > 0;
  }

  get first() {
    return this.yours[0]?.[1] ?? null;
  }

  get last() {
    return this.yours.at(-1)?.[1] ?? null;
  }

  /** All curves over one row of steps, as the chart takes them; nothing where a curve has no point. */
  table() {
    const curves = [...this.past, this.reference, this.yours].map((points) => new Map(points));
    const steps = [...new Set(curves.flatMap((curve) => [...curve.keys()]))].sort((a, b) => a - b);
    return [steps, ...curves.map((curve) => steps.map((step) => finite(curve.get(step))))];
  }
}

/** @param {number | undefined} value */
const finite = (value) => (value !== undefined && Number.isFinite(value) ? value : null);
