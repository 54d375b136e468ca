import { equal, ok, throws } from "node:assert/strict";
import { openAt } from "./directory.ts";
import type { Fd } from "./fd.ts";
import { O_DIRECTORY, O_PATH } from "./flags.ts";

const open = () => openAt("/", { flags: O_PATH | O_DIRECTORY });

Deno.test("Fd is unusable once disposed", () => {
  const fd = open();
  fd[Symbol.dispose]();
  equal(fd.isOpen, false);
  throws(() => fd.number, { code: "os/EBADF" });
  throws(() => fd.duplicate(), { code: "os/EBADF" });
});

/**
 * A disposed Fd and an open one that got the same number. Other threads of this process open and
 * close descriptors too, so the number may be taken in between: then once more.
 */
function reused(): { readonly old: Fd; readonly next: Fd } {
  for (let attempt = 0; attempt < 1_000; attempt++) {
    const old = open();
    const number = old.number;
    old[Symbol.dispose]();
    const next = open();
    if (next.number === number) return { old, next };
    next[Symbol.dispose]();
  }
  throw new Error("no descriptor number was given out twice in 1,000 attempts");
}

Deno.test("Fd disposed twice closes nobody else's descriptor", () => {
  const { old, next } = reused();
  using other = next;
  old[Symbol.dispose]();
  using _copy = other.duplicate();
});

Deno.test("Fd is not inherited by programs we start", () => {
  using fd = open();
  using copy = fd.duplicate();
  for (const { number } of [fd, copy]) {
    const flags = Deno.readTextFileSync(`/proc/self/fdinfo/${number}`);
    ok(/^flags:\s*0?1?2\d{6}$/m.test(flags), flags); // O_CLOEXEC is 02000000, O_PATH 010000000
  }
});

Deno.test("Fd.release() gives the descriptor away", () => {
  const fd = open();
  const number = fd.release();
  throws(() => fd.number, { code: "os/EBADF" });
  fd[Symbol.dispose]();
  using again = open();
  equal(again.number === number, false);
  Deno.openSync(`/proc/self/fd/${number}`).close();
});
