/** The draft: batches that build on a sequence, kept until they are acknowledged, never mixed with another tab's. */

import assert from "node:assert/strict";
import test, { beforeEach, mock } from "node:test";

/** @type {{body: any}[]} */
let posted = [];
/** @type {(body: any) => {status: number, answer: object} | "down"} */
let server;
/** @type {Map<string, string>} */
let kept;

beforeEach(() => {
  posted = [];
  kept = new Map();
  server = (body) => ({ status: 200, answer: { seq: body.base + body.edits.length } });
  globalThis.localStorage = new Proxy(
    {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    },
    { ownKeys: () => [...kept.keys()], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }) },
  );
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  globalThis.fetch = async (_, init) => {
    const body = init.body ? JSON.parse(init.body) : undefined;
    if (body) posted.push({ body });
    const said = body ? server(body) : { status: 200, answer: { seq: 9, draft: "theirs" } };
    if (said === "down") throw new TypeError("no network");
    return new Response(JSON.stringify(said.answer), {
      status: said.status,
      headers: { "content-type": "application/json" },
    });
  };
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

const { Draft } = await import("#models/draft.js");
const clock = { now: () => 1000 };
const draft = () => new Draft({ id: "s", draft: "abc", draft_seq: 4 }, clock);

test("what is typed within a second is one edit that builds on the sequence", async () => {
  const one = draft();
  one.record([[3, 0, "d"]], 1);
  one.record([[4, 0, "e"]], 1);
  assert.equal(one.text, "abcde");
  await one.flush();
  assert.equal(posted.length, 1);
  assert.equal(posted[0].body.base, 4);
  assert.deepEqual(posted[0].body.edits[0].payload.ops, [[3, 0, "d"], [4, 0, "e"]]);
  assert.equal(one.seq, 5);
  assert.equal(one.state, "saved");
  assert.equal(kept.size, 0);
});

test("what could not be sent is kept and sent again under the same name", async () => {
  server = () => "down";
  const one = draft();
  one.record([[0, 0, "x"]], 1);
  await one.flush();
  assert.equal(one.state, "offline");
  assert.equal(kept.size, 1);
  server = (body) => ({ status: 200, answer: { seq: body.base + 1 } });
  await one.flush();
  assert.equal(posted[0].body.batch, posted[1].body.batch);
  assert.equal(one.state, "saved");
});

test("the next page goes on with what the last one could not send", async () => {
  server = () => "down";
  const gone = draft();
  gone.record([[0, 0, "x"]], 1);
  await gone.flush();
  gone.record([[1, 0, "y"]], 1);
  const next = draft();
  await next.adopt();
  assert.equal(next.text, "xyabc");
  server = (body) => ({ status: 200, answer: { seq: body.base + body.edits.length } });
  await next.flush();
  assert.equal(next.seq, 6);
  assert.ok(next.isSettled);
});

test("edits of a page that lives are left to it", async () => {
  server = () => "down";
  const other = draft();
  other.record([[0, 0, "x"]], 1);
  const [key] = kept.keys();
  const held = [{ name: key.replace("overfit:", "") }];
  Object.defineProperty(globalThis, "navigator", {
    value: { locks: { request: () => new Promise(() => {}), query: async () => ({ held }) } },
    configurable: true,
  });
  const mine = draft();
  await mine.adopt();
  assert.equal(mine.text, "abc");
});

test("a sequence that is not ours any more asks, and sends nothing until it is answered", async () => {
  server = () => ({ status: 409, answer: { seq: 9, error: "Another tab wrote." } });
  const one = draft();
  const asked = new Promise((resolve) => one.addEventListener("conflict", resolve));
  one.record([[0, 0, "x"]], 1);
  await one.flush();
  await asked;
  one.record([[0, 0, "y"]], 1);
  await one.flush();
  assert.equal(posted.length, 1);
});

test("taking the newer text drops one's own; keeping one's own puts it over the newer", async () => {
  server = () => ({ status: 409, answer: { seq: 9 } });
  const theirs = draft();
  theirs.record([[0, 0, "x"]], 1);
  await theirs.flush();
  await theirs.takeNewer();
  assert.deepEqual([theirs.text, theirs.seq, theirs.state], ["theirs", 9, "saved"]);

  const mine = draft();
  mine.record([[0, 0, "x"]], 1);
  await mine.flush();
  server = (body) => ({ status: 200, answer: { seq: body.base + body.edits.length } });
  await mine.keepMine();
  const last = posted.at(-1)?.body;
  assert.deepEqual([last.base, last.edits[0].kind, last.edits[0].payload.text], [9, "resync", "xabc"]);
});

test("a stage that is over closes the draft", async () => {
  server = () => ({ status: 409, answer: { error: "This stage is over." } });
  const one = draft();
  one.record([[0, 0, "x"]], 1);
  await one.flush();
  assert.equal(one.state, "closed");
});

test("a text that is refused is offered whole once it has changed", async () => {
  server = () => ({ status: 413, answer: { error: "Too long.", hint: "Take some out." } });
  const one = draft();
  one.record([[3, 0, "d".repeat(10)]], 1);
  await one.flush();
  assert.deepEqual([one.state, one.reason], ["refused", "Too long. Take some out."]);
  server = (body) => ({ status: 200, answer: { seq: body.base + body.edits.length } });
  one.record([[3, 10, ""]], 1);
  await one.flush();
  assert.equal(posted.at(-1)?.body.edits[0].payload.text, "abc");
  assert.equal(one.state, "saved");
});

test("an hour without a network goes out in batches that the server takes", async () => {
  server = () => "down";
  const one = new Draft({ id: "s", draft: "", draft_seq: 0 }, { now: (() => { let t = 0; return () => (t += 1000); })() });
  for (let i = 0; i < 250; i += 1) one.record([[i, 0, "x"]], 1);
  server = (body) => ({ status: 200, answer: { seq: body.base + body.edits.length } });
  await one.flush();
  assert.deepEqual(posted.map(({ body }) => body.edits.length), [100, 100, 50]);
  assert.equal(one.seq, 250);
});
