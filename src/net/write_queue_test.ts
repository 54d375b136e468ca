import assert from "node:assert/strict";
import type { Link } from "./link.ts";
import { LinkDuplex } from "./link_duplex.ts";

/** A link that looks at the bytes as late as it may: when the write ends. */
class SlowLink implements Link {
  readonly certificate = undefined;
  readonly peer = undefined;
  text = "";

  read(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async write(data: Uint8Array): Promise<void> {
    await new Promise((r) => setTimeout(r, 2));
    this.text += new TextDecoder().decode(data);
  }

  shutdown(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

Deno.test("what is written while earlier bytes are under way does not overwrite them", async () => {
  const link = new SlowLink();
  const duplex = new LinkDuplex(link);
  let want = "alone;";
  await duplex.write(want);
  await duplex.flush();
  for (let round = 0; round < 60; round++) {
    for (const piece of [`first ${round},`, `${"x".repeat(round * 7)};`]) {
      want += piece;
      await duplex.write(piece);
      // Every length of pause: within the collecting, within the write, after it.
      if (round % 3 === 1) await new Promise((r) => setTimeout(r, round % 5));
      if (round % 7 === 6) await duplex.flush();
    }
  }
  await duplex.flush();
  assert.equal(link.text, want);
  await duplex[Symbol.asyncDispose]();
});
