/** Operations on text, changed lines and marks: what the record of an hour stands on. */

import assert from "node:assert/strict";
import test from "node:test";

import { clock, loss, plural } from "#lib/figures.js";
import { changedLines, markedRegions } from "#lib/lines.js";
import { applyOps, difference } from "#lib/ops.js";

test("operations apply one after the other", () => {
  assert.equal(applyOps("abc", [[1, 1, "XY"], [0, 1, ""]]), "XYc");
});

test("the difference of two texts turns one into the other, whatever they are", () => {
  const letters = ["a", "b", "\n", "é", "𝄞", "𝄢", "😀"];
  let state = 7;
  const next = (n) => (state = (state * 48271) % 2147483647) % n;
  for (let round = 0; round < 500; round += 1) {
    const [before, after] = [0, 1].map(() => Array.from({ length: next(12) }, () => letters[next(7)]).join(""));
    const ops = difference(before, after);
    assert.equal(applyOps(before, ops), after);
    assert.ok(ops.every(([, , inserted]) => inserted.isWellFormed()));
  }
});

test("equal texts differ by nothing", () => {
  assert.deepEqual(difference("same", "same"), []);
});

test("a changed, an added and no removed line are told by their numbers", () => {
  assert.deepEqual(changedLines("a\nb\nc\nd", "a\nB\nc\nd"), [2]);
  assert.deepEqual(changedLines("a\nb", "a\nnew\nb"), [2]);
  assert.deepEqual(changedLines("a\nb\nc", "a\nc"), []);
  assert.deepEqual(changedLines("x", "x"), []);
});

const MARKED = `class A:
    # marked: there is a bug in this method
    def f(
        self,
    ):
        return 1

        # still inside

    def g(self):
        return 2


# marked: there is a bug in this function
@decorated
def h():
    return 3


x = 1`;

test("a mark covers the definition below it and nothing else", () => {
  assert.deepEqual(markedRegions(MARKED, "# marked:"), [
    { from: 2, to: 8 },
    { from: 14, to: 17 },
  ]);
});

test("a program without marks has no regions", () => {
  assert.deepEqual(markedRegions("def f():\n    return 1", "# marked:"), []);
});

test("times, losses and nouns read as on the server's pages", () => {
  assert.deepEqual([clock(0), clock(61_000), clock(3_723_000)], ["0:00", "1:01", "1:02:03"]);
  assert.deepEqual([loss(3.0078), loss(0.0072), loss(NaN)], ["3.01", "0.007", "not a number"]);
  assert.deepEqual([plural(1, "run"), plural(2, "property", "properties")], ["1 run", "2 properties"]);
});
