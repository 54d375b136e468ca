/**
 * `--bwlimit` on the wire. A slow machine makes everything later, so what can be said for certain is that
 * at no moment more has arrived than the limit allows until then.
 */
import assert from "node:assert/strict";
import { CutBed, sh } from "../support/cut_bed.ts";

const LIMIT = 1_048_576;
/** What may leave at once: a piece, and the handshake, which is not counted. */
const BURST = 65_536 + 16_384;
/** Records of TLS, above what is counted. */
const OVERHEAD = 1.02;

const NOISE = (bytes: number) =>
  `openssl enc -aes-128-ctr -K 7 -iv 0 -in /dev/zero 2>/dev/null | head -c ${bytes}`;

for (
  const [net, tls, dialect] of [[83, false, []], [84, true, []], [85, true, ["--classic"]]] as const
) {
  const said = [tls ? "TLS" : "plain", ...dialect].join(", ");
  Deno.test(`--bwlimit: never more has arrived than was allowed until then (${said})`, async () => {
    await using bed = await CutBed.make({
      net,
      tls,
      client: "inner",
      server: "inner",
      before: `mkdir d; ${NOISE(400_000)} > changed`,
      change: `for f in $(seq 40); do ${NOISE(4_000)} > d/$f; done; ${NOISE(900_000)} > large
        ${NOISE(100_000)} >> changed; echo more >> changed`,
    });
    const { client, server, proxy } = bed;
    await server.start();
    proxy.arm(undefined);
    const startMs = performance.now();
    const { rc, stderr } = await client.run("-u", "--bwlimit", "1M", ...dialect);
    await server.quiet(proxy);
    assert.deepEqual([rc, stderr], [0, ""]);
    const arrivals = proxy.arrivals("up");
    assert.ok(
      arrivals.at(-1)!.count > 1_000_000 && arrivals.length > 10,
      "the proxy does not count",
    );
    for (const { atMs, count } of arrivals) {
      const most = LIMIT * OVERHEAD * (atMs - startMs) / 1_000 + BURST;
      assert.ok(count <= most, `${count} bytes after ${atMs - startMs} ms, at most ${most}`);
    }
    assert.equal(sh('diff -r "$1" "$2"', client.tree, server.tree), "");
  });
}
