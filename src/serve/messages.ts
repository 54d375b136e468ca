/** Events of the server, with the C program's texts and levels (D 8). */
import { CsyncError, type DbName, type HostName, show } from "../model/mod.ts";
import type { Level, ReportEvent } from "../report/mod.ts";

export interface At {
  readonly address: string;
  readonly port: number;
}

export function listening({ address, port }: At, hostName: string): ReportEvent {
  const text = `Listening on ${address}:${port} as ${hostName}.`;
  return { event: "listening", level: 1, text, address, port };
}

export const DAEMON_RUNNING = "Csync2 daemon running. Waiting for connections.";

export function newConnection(from: At | undefined): ReportEvent {
  const text = `New connection from ${from?.address ?? "stranger"}:${from?.port ?? 0}.`;
  return { event: "connection-opened", level: 1, text };
}

/** `why`: for people; the peer got a line or an end of the connection. */
export function refusedConnection(from: At | undefined, why: string): ReportEvent {
  const text = `Refused connection from ${from?.address ?? "stranger"}: ${why}`;
  return { event: "connection-refused", level: 1, text };
}

export function connectionFailed(
  from: At | undefined,
  { error, level }: { error: unknown; level: Level },
): ReportEvent {
  const reason = error instanceof CsyncError
    ? error.line
    : error instanceof Error
    ? error.message
    : String(error);
  const text = `Connection from ${from?.address ?? "stranger"}: ${reason}`;
  return { event: "connection-failed", level, text, isError: level === 0 };
}

export const FAILURES_HIDDEN: ReportEvent = {
  event: "failures-hidden",
  level: 0,
  text: "Further connections fail: the reasons are told with -v only, for a minute.",
};

export function updated(name: DbName, peer: HostName): ReportEvent {
  return { event: "file-updated", level: 1, text: `Updated ${name} from ${peer}.`, name, peer };
}

export function marked(name: DbName): ReportEvent {
  return { event: "file-marked", level: 1, text: `Marking file as dirty: ${name}`, name };
}

export function refused(
  { name, peer, why }: { name: DbName; peer: HostName; why: string },
): ReportEvent {
  return { event: "refused", level: 1, text: `Refused ${name} from ${peer}: ${why}`, name, peer };
}

/** COMPAT: level 1 on the server; the fingerprints are ours. */
export function wrongCertificate(
  peer: string,
  { expected, shown }: { expected: string; shown: string },
): ReportEvent {
  const text = `Peer did provide a wrong SSL X509 certificate. (${
    show(peer)
  }: pinned ${expected}, shown ${shown})`;
  return { event: "wrong-certificate", level: 1, text };
}

export function noCertificate(peer: string): ReportEvent {
  const text = `Peer did not provide an SSL X509 certificate. (${show(peer)})`;
  return { event: "no-certificate", level: 1, text };
}

export function noCommonKey(peer: string, shown: string): ReportEvent {
  const text = `Peer has a certificate that was never seen before and none of our group keys. (${
    show(peer)
  }: shown ${shown}; check the keys in both configurations)`;
  return { event: "no-common-key", level: 1, text };
}

export function pinned(peer: HostName): ReportEvent {
  const text = `Adding peer x509 certificate to db: ${peer}`;
  return { event: "certificate-pinned", level: 1, text, peer };
}

export function repaired(
  { completed, discarded }: { completed: number; discarded: number },
): ReportEvent {
  const text = `Interrupted changes: ${completed} completed, ${discarded} discarded.`;
  return { event: "intents-repaired", level: 1, text, completed, discarded };
}

export function stateFailed(error: CsyncError): ReportEvent {
  return { event: "state-failed", level: 0, text: error.line, isError: true };
}
