/** Lines of a draft: which differ from the starter, and which the marks point at. */

/**
 * Numbers (from 1) of the lines of `after` that are not lines of `before`, by longest common subsequence.
 * @param {string} before
 * @param {string} after
 * @returns {number[]}
 */
export function changedLines(before, after) {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  const kept = commonLines(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  const changed = [];
  for (let line = head; line < b.length - tail; line += 1) if (!kept.has(line - head)) changed.push(line + 1);
  return changed;
}

/**
 * Indices of `b` that belong to a longest common subsequence with `a`.
 * @param {string[]} a
 * @param {string[]} b
 */
function commonLines(a, b) {
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] =
        a[i] === b[j]
          ? longest[(i + 1) * width + j + 1] + 1
          : Math.max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
    }
  }
  const kept = new Set();
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) {
      kept.add(j);
      i += 1;
      j += 1;
    } else if (longest[(i + 1) * width + j] >= longest[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return kept;
}

/**
 * The regions that mark comments name: from the comment to the end of the block below it.
 * @param {string} text
 * @param {string} sign what a mark's line begins with
 * @returns {{from: number, to: number}[]} line numbers from 1, both inside
 */
export function markedRegions(text, sign) {
  const lines = text.split("\n");
  const regions = [];
  for (let i = 0; i < lines.length; i += 1) {
    if (lines[i].trimStart().startsWith(sign)) regions.push({ from: i + 1, to: endOfBlock(lines, i) + 1 });
  }
  return regions;
}

/**
 * @param {string[]} lines
 * @param {number} mark
 */
function endOfBlock(lines, mark) {
  const indent = depth(lines[mark]);
  let last = mark;
  for (let i = mark + 1; i < lines.length; i += 1) {
    if (lines[i].trim() === "") {
      if (i > mark + 1 && depth(lines[mark + 1]) === indent && !opensBlock(lines, mark)) break;
      continue;
    }
    if (depth(lines[i]) < indent || (depth(lines[i]) === indent && last > mark && opensBlock(lines, mark))) break;
    last = i;
  }
  return last;
}

/**
 * Whether what stands below the mark is a definition with a body.
 * @param {string[]} lines
 * @param {number} mark
 */
function opensBlock(lines, mark) {
  return /^\s*(@|class\s|(async\s+)?def\s)/.test(lines[mark + 1] ?? "");
}

/** @param {string} line */
const depth = (line) => line.length - line.trimStart().length;
