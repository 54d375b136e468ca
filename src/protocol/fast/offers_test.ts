/** Offers, and keys, client against server over memory. */
import assert from "node:assert/strict";
import { dbName, hidesTarget, type Key, nanos, type Present } from "../../model/mod.ts";
import { file, identifiedBed, KEY, Store } from "../../../tests/support/fast_bed.ts";
import type { Offer } from "../bulk.ts";

const A = dbName("/a");

Deno.test("a fast peer offers many rows and gets an answer for each, in their order", async () => {
  await using bed = await identifiedBed();
  const here = file(3), content = new Uint8Array([1, 2, 3]);
  const whole = () => ({
    size: 3,
    all: content,
    bytes: (async function* () {})(),
    isStillValid: () => true,
  });
  await bed.peer.put(KEY, dbName("/7"), here, undefined, { whole });
  const rows = Array.from({ length: 3_000 }, (_, n) => ({
    key: KEY,
    name: dbName(`/${n}`),
    here,
    isCurrent: n % 2 === 1,
  }));
  const answers = await bed.peer.bulk!.offer(rows);
  assert.equal(answers.length, rows.length);
  assert.deepEqual(answers[7], { kind: "same" });
  assert.equal(answers.filter(({ kind }) => kind === "absent").length, 2_999);
  rows[7]!.isCurrent = false;
  const [text] = await bed.peer.bulk!.offer([rows[7]!]);
  const checkText = "v1:mtime=1700000000123456789:mode=33184:uid=1:gid=-294967296:type=reg:size=3";
  assert.deepEqual(text, { kind: "there", checkText });
});

Deno.test("an offer on many links with long targets is answered in one frame, without the targets", async () => {
  const store = new Store();
  await using bed = await identifiedBed({ store });
  const meta = { mode: 0o120777, uid: 0, gid: 0, mtime: nanos(5n) };
  const rows = Array.from({ length: 512 }, (_, n): Offer => {
    const name = dbName(`/${n}`);
    store.objects.set(name, {
      entry: { kind: "lnk", meta, target: "t".repeat(4_000) },
      content: new Uint8Array(0),
    });
    const here: Present = { kind: "lnk", meta, target: "u" };
    return { key: KEY, name, here, isCurrent: true };
  });
  const answers = await bed.peer.bulk!.offer(rows);
  assert.equal(answers.length, 512);
  for (const answer of answers) {
    assert(answer.kind === "there" && hidesTarget(answer.checkText), JSON.stringify(answer));
  }
  const [one] = await bed.peer.bulk!.offer(rows.slice(0, 1));
  assert(one?.kind === "there" && one.checkText.endsWith("t".repeat(4_000)));
});

Deno.test("hosts of many groups prove all their keys", async () => {
  const store = new Store();
  const keys = Array.from({ length: 250 }, (_, n) => `${n}`.padStart(32, "k") as Key);
  store.keys = keys;
  await using bed = await identifiedBed({ store, client: { keys } });
  assert.deepEqual(await bed.peer.flush(keys[249]!, A), { kind: "done" });
});
