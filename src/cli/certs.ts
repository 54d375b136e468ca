/** `--list-certs` and `--forget-cert`: certificates that peers showed at first contact (D 7.7.10). */
import { type HostName, pinFingerprint } from "../model/mod.ts";
import { knownDialect, rememberDialect } from "../state/mod.ts";
import type { Session } from "./session.ts";

/** Prints `PEER⇥SHA-256 FINGERPRINT` for each, in order of the names. @returns how many */
export async function listCerts({ state, reporter }: Session): Promise<number> {
  const pins = await state.pins();
  for (const { peer, certificate } of pins) {
    const fingerprint = await pinFingerprint(certificate);
    reporter.print(`${peer}\tSHA-256 ${fingerprint}`, { event: "certificate", peer, fingerprint });
  }
  return pins.length;
}

/**
 * Forgets the certificates of the peers that are the arguments, and what they speak: who does not speak
 * the fast dialect any more is not refused then. Of a peer that nothing is known of it says so.
 */
export async function forgetCerts({ state, reporter, invocation }: Session): Promise<void> {
  for (const name of invocation.args) {
    const peer = name.toLowerCase() as HostName; // as hosts of the configuration are
    const known = await state.pin(peer);
    const dialect = await knownDialect(state, peer);
    if (dialect !== undefined) {
      await state.transaction((tx) => rememberDialect(tx, peer, undefined));
    }
    if (known === undefined && dialect === "fast") {
      const text = `Forgot that ${peer} has proven the group key.`;
      reporter.note({ event: "pin-forgotten", level: 0, text, peer });
      continue;
    }
    if (known === undefined) {
      const text = `ERROR: No certificate of "${peer}" is known: --list-certs tells whose are.`;
      reporter.note({ event: "pin-unknown", level: 0, text, isError: true, peer });
      continue;
    }
    await state.transaction((tx) => tx.deletePin(peer));
    const fingerprint = await pinFingerprint(known.certificate);
    const text = `Forgot the certificate of ${peer}: SHA-256 ${fingerprint}`;
    reporter.note({ event: "pin-forgotten", level: 0, text, peer, fingerprint });
  }
}
