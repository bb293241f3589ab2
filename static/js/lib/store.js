/** What this browser keeps; without storage (private mode, quota) everything goes on, unkept. */

const PREFIX = "overfit:";

/**
 * @param {string} key
 * @returns {any} null when nothing usable is kept
 */
export function read(key) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + key) ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {unknown} value
 */
export function write(key, value) {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** @param {string} key */
export function drop(key) {
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // no storage, nothing to drop
  }
}

/** The keys that begin so, without the site's own prefix.
 * @param {string} beginning
 * @returns {string[]}
 */
export function keys(beginning) {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(PREFIX + beginning))
      .map((key) => key.slice(PREFIX.length));
  } catch {
    return [];
  }
}
