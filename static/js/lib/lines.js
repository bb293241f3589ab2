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
 * The regions that marks name: the comment and the definition right below it.
 * @param {string} text
 * @param {string} sign what a mark's line begins with
 * @returns {{from: number, to: number}[]} line numbers from 1, both inside
 */
export function markedRegions(text, sign) {
  const lines = text.split("\n");
  const marks = lines.flatMap((line, index) => (line.trimStart().startsWith(sign) ? [index] : []));
  return marks.map((mark) => ({ from: mark + 1, to: endOfDefinition(lines, mark) + 1 }));
}

/**
 * The last line of the body below a mark: what is indented deeper, and brackets that close a signature.
 * @param {string[]} lines
 * @param {number} mark
 */
function endOfDefinition(lines, mark) {
  const indent = depth(lines[mark]);
  let last = mark;
  let inBody = false;
  for (let i = mark + 1; i < lines.length; i += 1) {
    if (lines[i].trim() === "") continue;
    const deeper = depth(lines[i]) > indent;
    if (inBody && !deeper && !/^\s*[)\]}]/.test(lines[i])) break;
    inBody ||= deeper;
    last = i;
  }
  return last;
}

/** @param {string} line */
const depth = (line) => line.length - line.trimStart().length;
