/** Text operations: [position, characters deleted, text inserted], in UTF-16 code units. */

/** @import {Op} from "#models/types" */

/**
 * @param {string} text
 * @param {Op[]} ops each one stands on the text that the one before it left
 */
export function applyOps(text, ops) {
  for (const [position, deleted, inserted] of ops) {
    text = text.slice(0, position) + inserted + text.slice(position + deleted);
  }
  return text;
}

/**
 * The one operation that turns `before` into `after`, or none; it never cuts a character in half.
 * @param {string} before
 * @param {string} after
 * @returns {Op[]}
 */
export function difference(before, after) {
  if (before === after) return [];
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  if (head > 0 && isHigh(before, head - 1)) head -= 1;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  if (tail > 0 && isLow(before, before.length - tail)) tail -= 1;
  return [[head, before.length - head - tail, after.slice(head, after.length - tail)]];
}

/** @param {string} text @param {number} at */
const isHigh = (text, at) => (text.charCodeAt(at) & 0xfc00) === 0xd800;

/** @param {string} text @param {number} at */
const isLow = (text, at) => (text.charCodeAt(at) & 0xfc00) === 0xdc00;
