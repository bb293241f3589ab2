/** Numbers, times and plurals as the pages say them; app/web/words.py says them the same way. */

const MINUS = "−";

/** Minutes and seconds: 31:48, or 1:02:03 from an hour up.
 * @param {number} ms
 */
export function clock(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const tail = `${h ? String(m).padStart(2, "0") : m}:${String(s).padStart(2, "0")}`;
  return h ? `${h}:${tail}` : tail;
}

/** A loss: 3.01, 0.46, 0.007.
 * @param {number} value
 */
export function loss(value) {
  if (!Number.isFinite(value)) return "not a number";
  const size = Math.abs(value);
  return value.toFixed(size >= 0.1 ? 2 : size >= 0.001 ? 3 : 4).replace("-", MINUS);
}

/** @param {number} ms */
export function seconds(ms) {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/**
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 */
export function plural(n, one, many = `${one}s`) {
  return `${n} ${n === 1 ? one : many}`;
}
