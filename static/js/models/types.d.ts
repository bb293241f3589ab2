/** The shapes of the API's answers, of events, and of what one part of the page hands another. */

export type Op = [position: number, deleted: number, inserted: string];

export type Status = "held" | "broken" | "blocked" | "not_seen" | "not_applicable";
export type RunState = "queued" | "running" | "done" | "cancelled" | "interrupted" | "error";
export type RunKind = "run" | "check";
export type Points = [step: number, loss: number][];

export interface Property {
  name: string;
  title: string;
  component: string;
  status: Status;
  measured: number | null;
  expected: number | null;
  detail: string;
  data: Record<string, unknown>;
}

export interface Failure {
  kind: string;
  message: string;
  line: number | null;
  traceback: { line: number; function: string; text: string }[];
}

export interface Slot {
  slot: number;
  status: "fixed" | "broken" | "blocked";
}

export interface Verdict {
  kind: RunKind;
  outcome: "passed" | "failed" | "error";
  criteria: {
    loss_drop: { passed: boolean; first: number | null; last: number | null };
    generation: { passed: boolean; expected: string; got: string | null };
  } | null;
  properties: Property[];
  bugs: Slot[];
  failure: Failure | null;
  timings: Record<string, number>;
}

export interface RunSummary {
  id: string;
  number: number;
  kind: RunKind;
  state: RunState;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
  outcome: "passed" | "failed" | "error" | null;
  message: string | null;
  verdict: Verdict | null;
}

export interface Stage {
  id: string;
  kind: string;
  position: number;
  title: string;
  filename: string;
  begins: string;
  sentence: string;
  starter: string;
  draft: string;
  draft_seq: number;
  started_at: number;
  deadline_at: number | null;
  finished_at: number | null;
  bug_count: number | null;
  reference_loss: Points | null;
  runs: RunSummary[];
}

/** A stage of the plan; of one to come not even its kind may be told. */
export interface Step {
  title: string;
  kind: string | null;
  state: "done" | "now" | "next";
  stage_id: string | null;
}

export interface Attempt {
  id: string;
  mode: string;
  state: "open" | "finished" | "expired" | "abandoned";
  tier: string;
  seed: number;
  marks: boolean;
  minutes: number | null;
  guided: boolean;
  budget: number | null;
  slow: boolean;
  created_at: number;
  finished_at: number | null;
  revealed_at: number | null;
  now: number;
  deadline_at: number | null;
  extra_minutes: number;
  paused_left_ms: number | null;
  bug_count: number | null;
  plan: Step[];
  stages: Stage[];
  url: string;
}

export interface Hint {
  slot: number | null;
  rung: number;
  of: number;
  text: string;
  at_ms: number;
  cost_minutes: number;
}

export interface Explanation {
  sentence: string;
  at_ms: number;
}

/** What the workspace's page carries beside the attempt itself. */
export interface PageFacts {
  attempt: Attempt;
  kept_ms: number;
  mark: string;
  monaco: { loader: { src: string; integrity: string }; vs: string };
  uplot: { script: { src: string; integrity: string }; style: { src: string; integrity: string } };
}

export interface Edit {
  at_ms: number;
  kind: "ops" | "reset" | "resync";
  payload: { ops: Op[]; line: number } | { text: string };
}

export interface Batch {
  batch: string;
  base: number;
  edits: Edit[];
}

/** What a browser keeps of a draft until the server has it. */
export interface Leftover {
  seq: number;
  text: string;
  sending: Batch | null;
  waiting: Edit[];
  at: number;
}

export type DraftState = "saved" | "saving" | "offline" | "refused" | "conflict" | "readonly" | "closed";

/** The plain text field and Monaco alike. */
export interface Editor {
  readonly kind: "plain" | "monaco";
  text(): string;
  /** Put in other text without reporting it as an edit. */
  load(text: string): void;
  line(): number;
  focus(): void;
  goTo(line: number): void;
  setReadOnly(readOnly: boolean): void;
  showFailure(line: number | null, message: string): void;
  showChanged(lines: number[]): void;
  showMarks(regions: { from: number; to: number }[]): void;
  dispose(): void;
}

export interface EditorEvents {
  edited(ops: Op[], line: number): void;
  moved(line: number, column: number): void;
}

declare global {
  var monaco: typeof import("monaco-editor");
  /** Monaco's own loader of AMD modules */
  var require: {
    config(options: object): void;
    (names: string[], loaded: () => void, failed: (error: unknown) => void): void;
  };
}
