/** Group keys are proven, never sent: HMACs over what only this connection has (pure). */
import { toBytes } from "../../model/mod.ts";
import type { KeyProofs } from "../bulk.ts";

/** Who proves: a proof of one side is worthless as one of the other. */
export type Prover = "client" | "server";

export const NONCE_BYTES = 32;
export const PROOF_BYTES = 32;
/** LIMIT: distinct keys that one client may prove; a place is one byte. */
export const MAX_KEYS = 250;

const VERSION = "csync2 fast 1";
const NO_PROOF = new Uint8Array(0);

/** A number that nobody can foresee. */
export function freshNonce(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
}

/** Everything that makes a connection and its client what they are. */
export interface BindingParts {
  readonly serverNonce: Uint8Array;
  readonly clientNonce: Uint8Array;
  /** Of the Duplex; undefined on a plain connection. */
  readonly tls: Uint8Array | undefined;
  /** As the client sent it. */
  readonly configName: string;
  readonly clientName: string;
}

/** What proofs of this connection and this name are made over (docs/fast-protocol.md, 3). */
export async function keyBinding(parts: BindingParts): Promise<Uint8Array> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  const length = new DataView(new ArrayBuffer(4));
  const { serverNonce, clientNonce, tls = NO_PROOF, configName, clientName } = parts;
  for (const part of [VERSION, serverNonce, clientNonce, tls, configName, clientName]) {
    length.setUint32(0, part.length, true);
    hash.update(new Uint8Array(length.buffer)).update(
      typeof part === "string" ? toBytes(part) : part,
    );
  }
  return new Uint8Array(hash.digest());
}

/** A proof for each key, in their order. */
export async function proveKeys(
  keys: readonly string[],
  { by, binding }: { readonly by: Prover; readonly binding: Uint8Array },
): Promise<Uint8Array[]> {
  const { createHmac } = await import("node:crypto");
  return keys.map((key) => {
    const hmac = createHmac("sha256", toBytes(key)).update(toBytes(by)).update(binding);
    return new Uint8Array(hmac.digest());
  });
}

/**
 * Which of our keys are behind a client's proofs, and our own proof for each of them; undefined and an
 * empty proof where there is none. Takes as long for a wrong proof as for a right one.
 */
export async function matchKeys(
  ours: readonly string[],
  { binding, proofs }: KeyProofs,
): Promise<{ readonly keys: (string | undefined)[]; readonly answers: Uint8Array[] }> {
  const distinct = [...new Set(ours)];
  const theirs = await proveKeys(distinct, { by: "client", binding });
  const answers = await proveKeys(distinct, { by: "server", binding });
  const found = proofs.map((proof) => {
    let at = -1; // every key is compared, whichever it is
    for (const [index, wanted] of theirs.entries()) if (isSameProof(wanted, proof)) at = index;
    return at;
  });
  return {
    keys: found.map((at) => distinct[at]),
    answers: found.map((at) => answers[at] ?? NO_PROOF),
  };
}

/** In constant time for proofs of the right length. */
export function isSameProof(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== PROOF_BYTES || b.length !== PROOF_BYTES) return false;
  let difference = 0;
  for (let at = 0; at < PROOF_BYTES; at++) difference |= a[at]! ^ b[at]!;
  return difference === 0;
}
