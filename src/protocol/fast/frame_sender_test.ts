import assert from "node:assert/strict";
import type { Duplex } from "../../net/mod.ts";
import { DIRECT_BYTES, FrameSender } from "./frame_sender.ts";
import { FRAME } from "./layout.ts";

/** Fails with its n-th write. */
function failing(n: number): Duplex {
  let writes = 0;
  const duplex: Pick<Duplex, "write" | "flush"> = {
    write: () => ++writes >= n ? Promise.reject(new Error("cut")) : Promise.resolve(),
    flush: () => Promise.resolve(),
  };
  return duplex as Duplex;
}

for (let n = 1; n <= 7; n++) {
  Deno.test(`FrameSender lets nobody wait for a piece when write ${n} fails`, async () => {
    const sender = new FrameSender(failing(n));
    const sent: number[] = [];
    const all = [1, 2, 3].map((id) =>
      new Promise<void>((resolve) => {
        sender.begin(FRAME.data, id, 1).u8(0);
        sender.end(new Uint8Array(DIRECT_BYTES), () => {
          sent.push(id);
          resolve();
        });
      })
    );
    await Promise.all(all);
    assert.deepEqual(sent.toSorted(), [1, 2, 3]);
    await sender.flush();
    assert.equal(sender.room(), undefined);
  });
}
