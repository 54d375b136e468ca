/**
 * The matrix of mixed clusters, see tests/support/matrix.ts: scenarios on combinations of our program and
 * Debian's csync2, a part of them over TLS as well. With CSYNC2_FULL=1 (`deno task test:full`) it is every
 * scenario on every combination, with both, and each by itself in a cluster of its own.
 */
import { type Batch, combinations, isFull, type Kinds, testBatch } from "../support/matrix.ts";
import { CONFLICTS } from "./conflicts.ts";
import { RULES } from "./rules.ts";
import { SETUPS } from "./setups.ts";
import { TRANSFERS } from "./transfers.ts";
import { TRIPLES } from "./triples.ts";

/** Whatever both kinds do is in them: each sends to, receives from and refuses the other. */
const SAMPLED_TRIPLES = ["ours c ours", "c ours c", "c ours ours"];

function isSampled({ hosts, scenarios }: Batch, kinds: Kinds): boolean {
  if (isFull) return true;
  if (hosts === 3) return SAMPLED_TRIPLES.includes(kinds.join(" "));
  return scenarios.length > 1 || kinds.includes("c");
}

function test(batches: readonly Batch[], security: "plain" | "rsa-v3"): void {
  for (const batch of batches) {
    for (const kinds of combinations(batch.hosts)) {
      if (isSampled(batch, kinds)) testBatch(batch, kinds, security);
    }
  }
}

test([TRANSFERS, CONFLICTS, RULES, TRIPLES, ...SETUPS], "plain");
// What the kind of security could change is the handshake, and the order of messages in both directions.
test(isFull ? [TRANSFERS, CONFLICTS, RULES, TRIPLES, ...SETUPS] : [RULES], "rsa-v3");
