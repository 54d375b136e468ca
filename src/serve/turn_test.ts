import { deepStrictEqual as equal, rejects, throws } from "node:assert/strict";
import type { DbName } from "../model/mod.ts";
import { ServerEnding, Turn } from "./turn.ts";

const F = "/F" as DbName, G = "/G" as DbName;

Deno.test("Turn serves the object in hand to its end, and nothing else", () => {
  const turn = new Turn();
  turn.begin(F)[Symbol.dispose]();
  turn.end();
  turn.begin(F)[Symbol.dispose]();
  throws(() => turn.begin(G), ServerEnding);
  throws(() => turn.begin(undefined), ServerEnding);
});

Deno.test("Turn.fork() has an object in hand of its own", () => {
  const turn = new Turn(), fork = turn.fork();
  turn.begin(F)[Symbol.dispose]();
  fork.begin(G)[Symbol.dispose]();
  fork.end();
  turn.begin(F)[Symbol.dispose]();
  fork.begin(G)[Symbol.dispose]();
  throws(() => fork.begin(F), ServerEnding);
  throws(() => turn.fork().begin(F), ServerEnding);
});

Deno.test("Turn pauses when the last of all handlers has ended", () => {
  const turn = new Turn(), fork = turn.fork();
  let pauses = 0, begins = 0;
  turn.onPause = () => pauses++;
  turn.onBegin = () => begins++;
  const one = turn.begin(F), other = fork.fork().begin(G);
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  equal([turn.isActive, fork.isActive, pauses, begins], [true, true, 0, 2]);
  other[Symbol.dispose]();
  equal([turn.isActive, fork.isActive, pauses, begins], [false, false, 1, 2]);
});

Deno.test("Turn.beginAmongOthers() refuses when the others have ended", async () => {
  const turn = new Turn(), fork = turn.fork();
  const work = turn.begin(F);
  turn.end();
  let isRefused = false;
  const refused = rejects(async () => await fork.beginAmongOthers(G), ServerEnding).then(() =>
    isRefused = true
  );
  (await turn.beginAmongOthers(F))[Symbol.dispose](); // in hand
  equal(isRefused, false);
  work[Symbol.dispose]();
  await refused;
});
