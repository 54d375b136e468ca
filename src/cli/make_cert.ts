/** `--make-cert`: TLS key and certificate of this host, made where they are missing. */
import { utf8Bytes } from "../model/mod.ts";
import { ensureIdentity } from "../net/mod.ts";
import type { Invocation } from "./args.ts";
import type { Host } from "./host.ts";
import { EXIT_OK } from "./modes.ts";
import type { Reporting } from "./reporting.ts";
import { ownName } from "./own_config.ts";
import { systemDir } from "./session.ts";

/** Needs no configuration. Says what it made; files that exist are left alone. */
export async function makeCert(
  invocation: Invocation,
  { host, reporting }: { readonly host: Host; readonly reporting: Reporting },
): Promise<number> {
  const { reporter } = reporting;
  let made = 0;
  await ensureIdentity(systemDir(host), {
    commonName: ownName(invocation),
    onNote: (text) => {
      made++;
      reporter.note({ event: "identity-made", level: 0, text: utf8Bytes(text) });
    },
  });
  if (made === 0) {
    const text = `Key and certificate exist in "${systemDir(host)}": nothing to do`;
    reporter.note({ event: "identity-kept", level: 0, text });
  }
  return EXIT_OK;
}
