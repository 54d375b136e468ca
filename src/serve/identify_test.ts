import { deepStrictEqual as equal, match } from "node:assert/strict";
import { configOf } from "../../tests/support/config.ts";
import type { HostName } from "../model/mod.ts";
import { MemoryReporter } from "../report/mod.ts";
import { MemoryStore } from "../state/mod.ts";
import { type Channel, identify } from "./identify.ts";

const CONFIG = configOf(
  "group g { host a.demo b.demo; key k; include /x; } nossl b.demo plain.*;",
  {
    host: "b.demo",
  },
);
const ONE = new Uint8Array([1, 2, 0xab]), OTHER = new Uint8Array([9]);

function hello(
  name: string,
  { state = new MemoryStore(), reporter = new MemoryReporter(), ...channel }: Partial<Channel> & {
    state?: MemoryStore;
    reporter?: MemoryReporter;
  } = {},
) {
  return identify(name, {
    config: CONFIG,
    state,
    reporter,
    channel: { address: "127.27.0.1", isEncrypted: true, certificate: ONE, ...channel },
    resolvesTo: (asked) => Promise.resolve(asked !== "elsewhere"),
  });
}

Deno.test("identify() pins the first certificate as upper-case hex, and keeps to it", async () => {
  const state = new MemoryStore(), reporter = new MemoryReporter();
  equal(await hello("a.demo", { state }), "ok");
  equal(await state.pins(), [{ peer: "a.demo" as HostName, certificate: "0102AB" }]);
  equal(await hello("a.demo", { state }), "ok");
  equal(await hello("a.demo", { state, reporter, certificate: OTHER }), "failed");
  match(
    reporter.events[0]!.text,
    /^Peer did provide a wrong SSL X509 certificate\. \(a\.demo: pinned SHA256:/,
  );
  equal((await state.pins()).length, 1);
});

Deno.test("W 20.6 names that are no hosts of a group are not pinned", async () => {
  const state = new MemoryStore();
  equal(await hello("stranger.demo", { state }), "ok");
  equal(await hello("A.DEMO", { state }), "ok"); // not folded: has no permission for anything (W 6.1)
  equal(await state.pins(), []);
});

Deno.test("W 20.6 two first contacts at once cannot both win", async () => {
  const state = new MemoryStore();
  const results = await Promise.all([
    hello("a.demo", { state }),
    hello("a.demo", { state, certificate: OTHER }),
  ]);
  equal(results.sort(), ["failed", "ok"]);
});

const CASES: [string, string, Partial<Channel>, string][] = [
  ["a name of another address", "elsewhere", {}, "failed"],
  ["an unknown address", "a.demo", { address: undefined }, "failed"],
  ["TLS without a certificate", "a.demo", { certificate: undefined }, "failed"],
  ["an empty name", "", {}, "failed"],
  ["a name with a blank", "a b", {}, "failed"],
  ["a name of 256 bytes", "a".repeat(256), {}, "failed"],
  ["plain text without nossl", "a.demo", { isEncrypted: false }, "encryption-expected"],
  ["plain text with nossl", "plain.demo", { isEncrypted: false }, "ok"],
  ["TLS although nossl allows plain text", "plain.demo", {}, "ok"],
];
for (const [name, announced, channel, wanted] of CASES) {
  Deno.test(`identify() answers ${wanted} for ${name}`, async () => {
    equal(await hello(announced, channel), wanted);
  });
}
