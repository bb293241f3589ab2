/** Loading a library that is no module: its hash checked, and an end to the waiting. */

const PATIENCE_MS = 8_000;

/**
 * @param {{src: string, integrity: string}} file
 * @returns {Promise<void>} rejected when it can't be had in eight seconds
 */
export function loadScript({ src, integrity }) {
  const script = document.createElement("script");
  Object.assign(script, { src, integrity, crossOrigin: "anonymous", async: true });
  return arrival(script, src);
}

/**
 * @param {{src: string, integrity: string}} file
 * @returns {Promise<void>}
 */
export function loadStyle({ src, integrity }) {
  const link = document.createElement("link");
  Object.assign(link, { rel: "stylesheet", href: src, integrity, crossOrigin: "anonymous" });
  return arrival(link, src);
}

/**
 * The promise's value, or a rejection after eight seconds.
 * @template T
 * @param {Promise<T>} promise
 * @param {string} what
 * @returns {Promise<T>}
 */
export function inTime(promise, what) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`${what} took more than ${PATIENCE_MS / 1000} s`)), PATIENCE_MS);
  });
  return /** @type {Promise<T>} */ (Promise.race([promise, late]));
}

/**
 * @param {HTMLScriptElement | HTMLLinkElement} node
 * @param {string} src
 */
function arrival(node, src) {
  const arrived = new Promise((resolve, reject) => {
    node.addEventListener("load", () => resolve(undefined), { once: true });
    node.addEventListener("error", () => reject(new Error(`${src} can't be loaded`)), { once: true });
  });
  document.head.append(node);
  return inTime(/** @type {Promise<void>} */ (arrived), src);
}
