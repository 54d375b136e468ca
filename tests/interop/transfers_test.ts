/** Every change that can be sent, between our program and Debian's csync2 in both directions. */
import { combinations, isFull, testBatch } from "../support/matrix.ts";
import { TRANSFERS } from "./transfers.ts";

for (const kinds of combinations(2)) {
  testBatch(TRANSFERS, kinds);
  // The kind of certificate matters to the handshake, not to what travels afterwards.
  if (isFull || kinds.includes("c")) testBatch(TRANSFERS, kinds, "rsa-v3");
}
