/** Following one run: its numbered events, in order, without loss or repeat, until it ends. */

/** @import {Points, RunState} from "#models/types" */

/**
 * @typedef {object} Listener
 * @property {(status: {state: RunState, phase?: string, position?: number}) => void} status
 * @property {(chunk: {stream: "stdout" | "stderr", text: string}) => void} output
 * @property {(points: Points) => void} loss
 * @property {(property: object) => void} property
 * @property {(verdict: object) => void} verdict
 * @property {(bug: {slot: number, status: string}) => void} bug
 * @property {(end: {state: RunState, message: string | null}) => void} end
 * @property {(connected: boolean) => void} connection
 */

const AGAIN_MS = 2000;
const KINDS = /** @type {const} */ (["status", "output", "property", "verdict", "bug", "end"]);

/**
 * The browser reconnects by itself and names the last event it has. It gives up when a server that is
 * starting again answers with an error; then we ask again, from the same place.
 * @param {string} url
 * @param {Listener} listener
 * @returns {() => void} stops following
 */
export function followRun(url, listener) {
  let last = "";
  let source = open();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function open() {
    const opened = new EventSource(last ? `${url}?after=${last}` : url);
    for (const kind of KINDS) opened.addEventListener(kind, (event) => listener[kind](read(event)));
    opened.addEventListener("loss", (event) => listener.loss(read(event).points));
    opened.addEventListener("end", () => opened.close());
    opened.addEventListener("open", () => listener.connection(true));
    opened.addEventListener("error", () => {
      listener.connection(false);
      if (opened.readyState === EventSource.CLOSED) timer = setTimeout(() => (source = open()), AGAIN_MS);
    });
    return opened;
  }

  /** @param {MessageEvent} event */
  function read(event) {
    last = event.lastEventId || last;
    return JSON.parse(event.data);
  }

  return () => {
    clearTimeout(timer);
    source.close();
  };
}
