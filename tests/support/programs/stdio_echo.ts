/** Tells its peer who it is, then echoes lines; `SSL` upgrades. */
import { makeCertificate, stdioDuplex, upgrade } from "../../../src/net/mod.ts";

let duplex = await stdioDuplex({ idleMs: 10_000 });
console.log("stray output");
console.error("stray error");
await duplex.write(JSON.stringify(duplex.peer ?? null) + "\n");
for (let line; (line = await duplex.readLine(1_000)) !== undefined;) {
  await duplex.write(`echo ${line}\n`);
  if (line !== "SSL") continue;
  const identity = await makeCertificate({ commonName: "stdio.test" });
  duplex = await upgrade(duplex, { role: "server", ...identity, deadlineMs: 10_000 });
}
await duplex.end();
