/** Events of the comparison, with the C program's texts and levels (D 8). */
import type { CsyncError, DbName, HostName } from "../model/mod.ts";
import type { ReportEvent } from "../report/mod.ts";

export interface Pair {
  readonly myName: HostName;
  readonly peer: HostName;
}

export function started({ myName, peer }: Pair): ReportEvent {
  const text = `Running in-sync check for ${myName} <-> ${peer}.`;
  return { event: "compare-started", level: 1, text, peer };
}

export function unknownPair(withFile: boolean): ReportEvent {
  const text = `Host pair ${withFile ? "+ file " : ""}not found in configuration.`;
  return { event: "unknown-pair", level: 0, text, isError: true };
}

export function notIdentified(peer: HostName): ReportEvent {
  const text = `ERROR: remote host ${peer} did not accept my identification.`;
  return { event: "not-identified", level: 0, text, isError: true, peer };
}

export function refusedByPeer(peer: HostName, reply: string): ReportEvent {
  const text = `ERROR from peer: ${reply}`;
  return { event: "peer-error", level: 0, text, isError: true, peer };
}

export function connectionLost(peer: HostName, error: CsyncError): ReportEvent {
  const text = `ERROR: Connection to ${peer} lost: ${error.line}`;
  return { event: "connection-lost", level: 0, text, isError: true, peer, code: error.code };
}

export function marked(name: DbName): ReportEvent {
  return { event: "file-marked", level: 1, text: `Marking file as dirty: ${name}`, name };
}

/** Row of `-T`: tab separated, as the C program has it (D 4.5). */
export function row(kind: "L" | "R" | "X", { myName, peer }: Pair, name: DbName): string {
  return `${kind}\t${myName}\t${peer}\t${name}`;
}

export function notShown(name: DbName, why: string): ReportEvent {
  const text = `Cannot show the difference of ${name}: ${why}`;
  return { event: "difference-not-shown", level: 0, text, isError: true, name };
}

/** The peer said how long it is, and then the connection ended before. */
export function cutShort(
  { peer }: Pair,
  name: DbName,
  { size, received }: { size: bigint; received: number },
): ReportEvent {
  const text =
    `ERROR: Cannot show the difference of ${name}: ${received} of ${size} bytes came from ` +
    `${peer}: the connection was lost, or the file was cut meanwhile (try again)`;
  return { event: "content-cut-short", level: 0, text, isError: true, name, peer };
}

/** Directories have no content; the C program let diff say this. */
export function isDirectory(name: DbName): ReportEvent {
  const text = "diff: cannot compare '-' to a directory";
  return { event: "is-directory", level: 0, text, name };
}
