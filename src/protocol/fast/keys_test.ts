import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { isSameProof, keyBinding, matchKeys, proveKeys } from "./keys.ts";

const KEYS = ["k".repeat(32), "\xe4".repeat(40), "third key third key third key 123"];
const PARTS = {
  serverNonce: new Uint8Array(32).fill(1),
  clientNonce: new Uint8Array(32).fill(2),
  tls: new Uint8Array(32).fill(3),
  configName: "web",
  clientName: "a.demo",
};

Deno.test("keyBinding() is the hash of its parts, each behind its length", async () => {
  const hash = createHash("sha256");
  for (
    const part of [
      "csync2 fast 1",
      "\x01".repeat(32),
      "\x02".repeat(32),
      "\x03".repeat(32),
      "web",
      "a.demo",
    ]
  ) {
    hash.update(new Uint8Array([part.length, 0, 0, 0])).update(part, "latin1");
  }
  assert.deepEqual(await keyBinding(PARTS), new Uint8Array(hash.digest()));
});

Deno.test("keyBinding() differs when any part does, and where one part ends", async () => {
  const variants = [
    PARTS,
    { ...PARTS, serverNonce: PARTS.clientNonce, clientNonce: PARTS.serverNonce },
    { ...PARTS, tls: undefined },
    { ...PARTS, tls: new Uint8Array(32) },
    { ...PARTS, configName: "" },
    { ...PARTS, configName: "weba", clientName: ".demo" },
    { ...PARTS, clientName: "b.demo" },
  ];
  const bindings = await Promise.all(variants.map(keyBinding));
  assert.equal(new Set(bindings.map((binding) => binding.toHex())).size, variants.length);
});

Deno.test("proveKeys() makes HMAC-SHA-256 over the side and the binding", async () => {
  const binding = await keyBinding(PARTS);
  for (const by of ["client", "server"] as const) {
    const proofs = await proveKeys(KEYS, { by, binding });
    const wanted = KEYS.map((key) =>
      createHmac("sha256", Buffer.from(key, "latin1")).update(by).update(binding).digest("hex")
    );
    assert.deepEqual(proofs.map((proof) => proof.toHex()), wanted);
  }
});

Deno.test("matchKeys() finds the shared keys in the client's order and answers only those", async () => {
  const binding = await keyBinding(PARTS);
  const proofs = await proveKeys([KEYS[2]!, "not ours ".repeat(5), KEYS[0]!], {
    by: "client",
    binding,
  });
  const { keys, answers } = await matchKeys([...KEYS, KEYS[0]!], { binding, proofs });
  assert.deepEqual(keys, [KEYS[2], undefined, KEYS[0]]);
  const [first, last] = await proveKeys([KEYS[2]!, KEYS[0]!], { by: "server", binding });
  assert.deepEqual(answers, [first, new Uint8Array(0), last]);
});

Deno.test("matchKeys() takes no proof of the server, of another connection or of another length", async () => {
  const binding = await keyBinding(PARTS);
  const [right] = await proveKeys([KEYS[0]!], { by: "client", binding });
  const [reflected] = await proveKeys([KEYS[0]!], { by: "server", binding });
  const other = await keyBinding({ ...PARTS, tls: new Uint8Array(32).fill(4) });
  const [replayed] = await proveKeys([KEYS[0]!], { by: "client", binding: other });
  const proofs = [reflected!, replayed!, right!.subarray(1), new Uint8Array(0), new Uint8Array(32)];
  const { keys, answers } = await matchKeys(KEYS, { binding, proofs });
  assert.deepEqual(keys, proofs.map(() => undefined));
  assert(answers.every((answer) => answer.length === 0));
  assert.equal(isSameProof(right!, right!.slice()), true);
  for (let at = 0; at < right!.length; at++) {
    const changed = right!.slice();
    changed[at]! ^= 1;
    assert.equal(isSameProof(right!, changed), false);
  }
});
