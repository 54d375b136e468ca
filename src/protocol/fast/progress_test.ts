import assert from "node:assert/strict";
import { Progress, silenceMs } from "./progress.ts";

/** How often somebody has to look until it is too late; undefined when it never is. */
function looksUntilStalled(
  progress: Progress,
  { meanwhile = () => {}, isWaiting = true, workBytes = 0 } = {},
): number | undefined {
  for (let looks = 1; looks <= 100; looks++) {
    if (progress.look({ isWaiting, workBytes })) return looks;
    meanwhile();
  }
  return undefined;
}

Deno.test("Progress ends who waits for nothing but signs of life", () => {
  const progress = new Progress(800);
  assert.equal(progress.everyMs, 100);
  assert.equal(looksUntilStalled(progress), 9);
});

for (
  const [what, meanwhile] of [
    ["an answer", (progress: Progress) => progress.step()],
    ["4,096 bytes", (progress: Progress) => progress.moved(4_096)],
  ] as const
) {
  Deno.test(`Progress goes on as long as there is ${what} now and then`, () => {
    const progress = new Progress(800);
    let looks = 0;
    const often = () => ++looks % 5 === 0 && meanwhile(progress);
    assert.equal(looksUntilStalled(progress, { meanwhile: often }), undefined);
  });
}

Deno.test("Progress is not made by a content that hardly moves", () => {
  const progress = new Progress(800);
  assert.equal(looksUntilStalled(progress, { meanwhile: () => progress.moved(1) }), 9);
});

Deno.test("Progress begins to count when somebody begins to wait", () => {
  const progress = new Progress(800);
  assert.equal(looksUntilStalled(progress, { isWaiting: false }), undefined);
  assert.equal(looksUntilStalled(progress), 9);
});

Deno.test("Progress leaves time for the contents that are worked on", () => {
  const progress = new Progress(800);
  assert.equal(looksUntilStalled(progress, { workBytes: 4_194_304 }), 19);
  const terabyte = 2 ** 40, hourMs = 3_600_000;
  assert(silenceMs(900_000, terabyte) > 72 * hourMs);
  assert.equal(silenceMs(900_000, Number.MAX_SAFE_INTEGER), 0x7fff_ffff);
});
