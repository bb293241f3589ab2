/** Talking to the server: JSON both ways, and errors that say what to do. */

/** The server answered, but not with what was asked for. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {{error?: string, hint?: string, [fact: string]: unknown}} envelope
   */
  constructor(status, envelope) {
    super(envelope.error || `The server answered ${status}.`);
    this.status = status;
    this.hint = envelope.hint ?? "";
    this.facts = envelope;
  }

  /** Message and hint as one line. */
  get words() {
    return this.hint ? `${this.message} ${this.hint}` : this.message;
  }
}

/** Nobody answered: no network, server gone, or too slow. */
export class Unreachable extends Error {
  get words() {
    return "The server can't be reached.";
  }
}

const PATIENCE_MS = 15_000;

/**
 * @param {string} method
 * @param {string} url
 * @param {unknown} [body] sent as JSON
 * @param {{keepalive?: boolean}} [options] keepalive: let it outlive the page
 * @returns {Promise<any>}
 */
export async function send(method, url, body, { keepalive = false } = {}) {
  const response = await attempt(url, {
    method,
    keepalive,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.status >= 502 && response.status <= 504 && !isJson(response)) throw new Unreachable("gateway");
  const answer = isJson(response) ? await response.json() : {};
  if (!response.ok) throw new Refusal(response.status, answer);
  return answer;
}

/** @param {string} url */
export const get = (url) => send("GET", url);

/**
 * @param {string} url
 * @param {unknown} [body]
 */
export const post = (url, body = {}) => send("POST", url, body);

/** A piece of a page, made by the server.
 * @param {string} url
 * @returns {Promise<string>}
 */
export async function fragment(url) {
  const response = await attempt(url, { headers: { accept: "text/html" } });
  if (!response.ok) throw new Refusal(response.status, {});
  return response.text();
}

/**
 * @param {string} url
 * @param {RequestInit} init
 */
async function attempt(url, init) {
  try {
    return await fetch(url, { ...init, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (cause) {
    throw new Unreachable("no answer", { cause });
  }
}

/** @param {Response} response */
const isJson = (response) => (response.headers.get("content-type") ?? "").includes("json");
