import { deepStrictEqual as equal, match } from "node:assert/strict";
import { configOf, keyOf } from "../../tests/support/config.ts";
import type { HostName } from "../model/mod.ts";
import { MemoryReporter } from "../report/mod.ts";
import { MemoryStore } from "../state/mod.ts";
import { matchKeys, proveKeys } from "../protocol/mod.ts";
import { type Channel, identify, identifyByKeys } from "./identify.ts";

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
  return identify(name, options({ state, reporter, ...channel }));
}

function options(
  { state, reporter, ...channel }: Partial<Channel> & {
    state: MemoryStore;
    reporter: MemoryReporter;
  },
) {
  return {
    config: CONFIG,
    state,
    reporter,
    channel: { address: "127.27.0.1", isEncrypted: true, certificate: ONE, ...channel },
    resolvesTo: (asked: string) => Promise.resolve(asked !== "elsewhere"),
  };
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

const BINDING = new Uint8Array(32).fill(7);

/** HELLO of somebody who knows the keys of these files. */
async function helloByKeys(
  name: string,
  { keys = ["k"], restricted = CONFIG, state = new MemoryStore(), ...more }: Partial<Channel> & {
    keys?: readonly string[];
    restricted?: typeof CONFIG;
    state?: MemoryStore;
    reporter?: MemoryReporter;
  } = {},
) {
  const reporter = more.reporter ?? new MemoryReporter();
  const proofs = await proveKeys(keys.map(keyOf), { by: "client", binding: BINDING });
  return await identifyByKeys(name, { binding: BINDING, proofs }, {
    ...options({ ...more, state, reporter }),
    restricted,
  });
}

Deno.test("identifyByKeys() tells which keys are shared, and proves them in turn", async () => {
  const state = new MemoryStore();
  const found = await helloByKeys("a.demo", { keys: ["wrong", "k"], state });
  const [answer] = await proveKeys([keyOf("k")], { by: "server", binding: BINDING });
  equal(found, {
    kind: "ok",
    keys: [undefined, keyOf("k")],
    answers: [new Uint8Array(0), answer!],
  });
  equal((await state.pins()).length, 1);
});

Deno.test("identifyByKeys() pins no certificate of somebody who knows no key, and says so in a line", async () => {
  const state = new MemoryStore(), reporter = new MemoryReporter();
  for (const keys of [["wrong"], []]) {
    equal(await helloByKeys("a.demo", { keys, state, reporter }), { kind: "no-common-key" });
  }
  equal(await state.pins(), []);
  equal(reporter.events.length, 2);
  match(
    reporter.events[0]!.text,
    /^Peer has a certificate that was never seen before and none of our group keys\. \(a\.demo: shown SHA256:/,
  );
  equal(reporter.events.some(({ text }) => text.includes(keyOf("k"))), false);
});

Deno.test("identifyByKeys() compares a certificate that is known, whatever is proven", async () => {
  const state = new MemoryStore();
  equal(await hello("a.demo", { state }), "ok");
  equal(await helloByKeys("a.demo", { state, certificate: OTHER }), { kind: "failed" });
  const none = { kind: "ok", keys: [undefined], answers: [new Uint8Array(0)] };
  equal(await helloByKeys("a.demo", { state, keys: ["wrong"] }), none);
  equal((await state.pins()).map(({ certificate }) => certificate), ["0102AB"]);
});

Deno.test("identifyByKeys() checks address and encryption like identify()", async () => {
  equal(await helloByKeys("elsewhere"), { kind: "failed" });
  equal(await helloByKeys("a.demo", { address: undefined }), { kind: "failed" });
  equal(await helloByKeys("a.demo", { certificate: undefined }), { kind: "failed" });
  const plain = { isEncrypted: false, certificate: undefined };
  equal(await helloByKeys("a.demo", plain), { kind: "encryption-expected" });
  equal((await helloByKeys("plain.demo", plain)).kind, "ok");
});

Deno.test("identifyByKeys() counts only keys of groups with the peer, as GROUP restricts them", async () => {
  const config = configOf(
    "group g { host a.demo b.demo; key k; include /x; } group h { host c.demo b.demo; key h; include /y; }",
    { host: "b.demo" },
  );
  equal(await helloByKeys("a.demo", { restricted: config, keys: ["h"] }), {
    kind: "no-common-key",
  });
  const restricted = { ...config, groups: config.groups.filter(({ name }) => name === "h") };
  equal(await helloByKeys("a.demo", { restricted }), { kind: "no-common-key" });
  equal(await matchKeys([], { binding: BINDING, proofs: [] }), { keys: [], answers: [] });
});
