/**
 * The matrix of mixed clusters, see tests/support/matrix.ts. All batches on every combination over plain
 * text, and a part of them over TLS; with CSYNC2_FULL=1 (`deno task test:full`) all of them over TLS
 * too, and every scenario by itself.
 */
import { combinations, isFull, testBatch } from "../support/matrix.ts";
import { CONFLICTS } from "./conflicts.ts";
import { RULES } from "./rules.ts";
import { TRANSFERS } from "./transfers.ts";

for (const batch of [TRANSFERS, CONFLICTS, RULES]) {
  for (const kinds of combinations(batch.hosts)) testBatch(batch, kinds);
}

// What the kind of security could change is the handshake, and the order of messages in both directions.
for (const batch of isFull ? [TRANSFERS, CONFLICTS, RULES] : [TRANSFERS, RULES]) {
  for (const kinds of combinations(batch.hosts)) {
    if (isFull || kinds.includes("c")) testBatch(batch, kinds, "rsa-v3");
  }
}
