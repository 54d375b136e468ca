/** A local user who exchanges two names, over and over: `flipper.ts DIR NAME NAME [NAME NAME ...]`. Ends with its input. */
import type { Name } from "../../../src/model/mod.ts";
import { O_DIRECTORY, O_PATH, openAt, rename } from "../../../src/os/mod.ts";

const [path = "", ...names] = Deno.args;
const dir = openAt(path, { flags: O_PATH | O_DIRECTORY });
let isOver = false;
void Deno.stdin.read(new Uint8Array(1)).then(() => isOver = true);
while (!isOver) {
  for (let count = 0; count < 2_000; count++) {
    for (let at = 0; at < names.length; at += 2) {
      const [a, b] = names.slice(at, at + 2) as [Name, Name];
      try {
        rename({ dir, name: a }, { dir, name: b }, "exchange");
      } catch {
        // One of them was removed or is made anew: the next round finds it again.
      }
    }
  }
  await new Promise((go) => setTimeout(go, 0));
}
