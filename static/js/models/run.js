/** Following one run: its numbered events, in order, without loss or repeat, until it ends. */

/** @import {Points, RunState} from "#models/types" */

/**
 * @typedef {object} Listener
 * @property {(status: {state: RunState, phase?: string, position?: number}) => void} status
 * @property {(chunk: {stream: "stdout" | "stderr", text: string}) => void} output
 * @property {(points: Points) => void} loss
 * @property {(property: object) => void} property
 * @property {() => void} verdict
 * @property {(end: {state: RunState, message: string | null}) => void} end
 * @property {(connected: boolean) => void} connection
 */

/**
 * The browser reconnects by itself and names the last event it has; the server goes on from there.
 * @param {string} url
 * @param {Listener} listener
 * @returns {() => void} stops following
 */
export function followRun(url, listener) {
  const source = new EventSource(url);
  /** @param {string} kind @param {(data: any) => void} handle */
  const on = (kind, handle) =>
    source.addEventListener(kind, (event) => handle(JSON.parse(/** @type {MessageEvent} */ (event).data)));
  on("status", listener.status);
  on("output", listener.output);
  on("loss", (data) => listener.loss(data.points));
  on("property", listener.property);
  on("verdict", () => listener.verdict());
  on("end", (data) => {
    source.close();
    listener.end(data);
  });
  source.addEventListener("open", () => listener.connection(true));
  source.addEventListener("error", () => listener.connection(false));
  return () => source.close();
}
