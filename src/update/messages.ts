/** Events of the update run, with the C program's texts and levels (D 8). */
import type { CsyncError, DbName, HostName } from "../model/mod.ts";
import type { Reporter, ReportEvent } from "../report/mod.ts";

/** What is done to one name at one peer. */
export interface Job {
  readonly name: DbName;
  readonly peer: HostName;
  readonly isRemoval: boolean;
}

export function started({ name, peer, isRemoval }: Job): ReportEvent {
  const text = `${isRemoval ? "Deleting" : "Updating"} ${name} on ${peer} ...`;
  return { event: isRemoval ? "delete-started" : "update-started", level: 1, text, name, peer };
}

export function upToDate({ name, peer }: Job): ReportEvent {
  return { event: "up-to-date", level: 1, text: "File is already up to date on peer.", name, peer };
}

/** All that is said of an object that the peer has already. */
export function equal(job: Job, reporter: Reporter): void {
  if (!reporter.wants(1)) return;
  reporter.note(started(job));
  reporter.note(upToDate(job));
}

export function staysDirty({ name, peer }: Job): ReportEvent {
  const text = "File stays in dirty state. Try again later...";
  return { event: "file-stays-dirty", level: 1, text, name, peer };
}

/** The C program says nothing of this kind by default (D 7.4.6). */
export function refused({ name, peer, isRemoval }: Job, why: string): ReportEvent {
  const text = `ERROR: ${isRemoval ? "Deleting" : "Updating"} ${name} on ${peer} failed: ${why}`;
  return { event: "push-failed", level: 0, text, isError: true, name, peer, reason: why };
}

export function vanished({ name, peer }: Job): ReportEvent {
  const text = `ERROR: Cant stat ${name}.`;
  return { event: "object-vanished", level: 0, text, isError: true, name, peer };
}

export function cannotRead({ name, peer }: Job, error: CsyncError): ReportEvent {
  const text = `ERROR: ${error.message}`;
  return { event: "cannot-read", level: 0, text, isError: true, name, peer };
}

export function notInMyGroups({ name, peer, isRemoval }: Job): ReportEvent {
  const what = isRemoval ? "deletion" : "file update";
  const text = `Skipping ${what} ${name} on ${peer} - not in my groups.`;
  return { event: "not-in-my-groups", level: 2, text, name, peer };
}

/** W 20.32: rows that no configuration explains are told, once per peer. */
export function leftOver(peer: HostName, count: number, isHostKnown: boolean): ReportEvent {
  const why = isHostKnown ? `in no group with ${peer} any more` : `for ${peer}, a host of no group`;
  const text = `${count} dirty rows are ${why}: not sent (csync2 -R removes them).`;
  return { event: "left-over-rows", level: 0, text, peer, count };
}

export function unsupported({ name, peer }: Job, mode: number): ReportEvent {
  const text = `File type (mode=${mode.toString(8)}) is not supported.`;
  return { event: "unsupported-type", level: 1, text, name, peer };
}

export function missingParent(name: DbName, peer: HostName): ReportEvent {
  return { event: "parent-missing", level: 1, text: `missing parent dir : ${name}`, name, peer };
}

export function won({ name, peer }: Job, test: string): ReportEvent {
  const text = `Auto-resolving conflict: Won '${test}' test.`;
  return { event: "conflict-won", level: 0, text, name, peer, test };
}

export function lost({ name, peer }: Job, test: string): ReportEvent {
  const text = `Do not auto-resolve conflict: Lost '${test}' test.`;
  return { event: "conflict-lost", level: 0, text, name, peer, test };
}

export function lostAsRemoval({ name, peer }: Job): ReportEvent {
  const text = "Do not auto-resolve conflict: This is a removal.";
  return { event: "conflict-lost", level: 0, text, name, peer, test: "removal" };
}

export function gaveUp({ name, peer }: Job): ReportEvent {
  const text = "ERROR: Auto-resolving failed. Giving up.";
  return { event: "conflict-gave-up", level: 0, text, name, peer };
}

export function notIdentified(peer: HostName, why: string): ReportEvent {
  const text = `ERROR: remote host ${peer} did not accept my identification. ${why}`;
  return { event: "not-identified", level: 0, text, isError: true, peer, reason: why };
}

/** The connection broke in the middle; what was not sent stays dirty. */
export function connectionLost(peer: HostName, error: CsyncError): ReportEvent {
  const text = `ERROR: Connection to ${peer} lost: ${error.line}`;
  return { event: "connection-lost", level: 0, text, isError: true, peer, code: error.code };
}

export function hostStaysDirty(peer: HostName): ReportEvent {
  const text = "Host stays in dirty state. Try again later...";
  return { event: "host-stays-dirty", level: 1, text, peer };
}

export function connecting(peer: HostName, isEncrypted: boolean): ReportEvent {
  const text = `Connecting to host ${peer} (${isEncrypted ? "SSL" : "PLAIN"}) ...`;
  return { event: "connecting", level: 1, text, peer };
}

/** It has spoken the fast dialect before. */
export function wentBack(peer: HostName): ReportEvent {
  const text = `${peer} speaks only as csync2 does now: another program, or --classic.`;
  return { event: "dialect-changed", level: 1, text, peer };
}

/** Which step failed; the line that everybody sees follows. */
export function connectStep(peer: HostName, text: string): ReportEvent {
  return { event: "connect-failed", level: 1, text, peer };
}

/** COMPAT: the C program's sentence; the reason stands behind it. */
export function connectFailed(peer: HostName, reason: string): ReportEvent {
  const text = `ERROR: Connection to remote host \`${peer}' failed. (${reason})`;
  return { event: "connection-failed", level: 0, text, isError: true, peer, reason };
}

export interface ChangedPin {
  readonly peer: HostName;
  readonly known: string;
  readonly shown: string;
}

/** D 7.4.12, W 20.30: only this peer is skipped. */
export function pinChanged({ peer, known, shown }: ChangedPin): ReportEvent {
  const text =
    `ERROR: ${peer} did provide another SSL certificate than before, so nothing is sent ` +
    `to it. Known SHA-256 ${known}, shown SHA-256 ${shown}. If its certificate was replaced on ` +
    `purpose, remove the known one (csync2 --forget-cert ${peer}) and try again; if not, ` +
    `somebody may be standing in for it.`;
  return { event: "pin-changed", level: 0, text, isError: true, peer, known, shown };
}

export function pinAdded(peer: HostName, fingerprint: string): ReportEvent {
  const text = `Adding peer x509 certificate to db: SHA-256 ${fingerprint}`;
  return { event: "pin-added", level: 1, text, peer, fingerprint };
}

/** Row of a dry run on standard output: kind, peer padded to 15, name (D 4.6). */
export function dryRunLine(kind: string, peer: HostName, name: DbName): string {
  return `${kind}: ${peer.padEnd(15)} ${name}`;
}

export function notMeasured({ name, peer }: Job, why: string): ReportEvent {
  const text = `ERROR: Cannot compare ${name} with ${peer}: ${why}`;
  return { event: "conflict-not-decided", level: 0, text, name, peer, reason: why };
}
