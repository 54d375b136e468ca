/** Listens on what systemd passed; serves two connections, then ends. */
import { inheritedListener, listenOn } from "../../../src/net/mod.ts";

const fd = inheritedListener(Deno.env, Deno.pid);
if (fd === undefined) throw new Error("not activated");
using listener = await listenOn({ fd, idleMs: 10_000 });
console.log(JSON.stringify(listener.address));
let served = 0;
for await (const duplex of listener.accept()) {
  const line = await duplex.readLine(100);
  await duplex.write(`${duplex.peer?.address} ${line}\n`);
  await duplex.end();
  if (++served === 2) listener.close();
}
