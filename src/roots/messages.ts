/** What is said about roots that are at fault, and about limits of removals. */
import type { DbName, DirectoryPlace, HostName } from "../model/mod.ts";
import { type RemovalLimit, removalLimitText } from "../reconcile/mod.ts";
import type { ReportEvent } from "../report/mod.ts";
import type { RootFault } from "./fault.ts";

/** What is wrong, as a clause. */
export function faultText({ path, why, was, is, reason = "" }: RootFault): string {
  switch (why) {
    case "gone":
      return `${path} is gone`;
    case "no-directory":
      return `${path} is no directory any more`;
    case "other-device":
      return `${path} lies on another file system than recorded (${changeText(was, is)})`;
    case "unreadable":
      return `${path} cannot be examined (${reason})`;
  }
}

function changeText(was: DirectoryPlace | undefined, is: DirectoryPlace | undefined): string {
  const before = placeText(was), now = placeText(is);
  return before === now ? `another one of the same name, ${now}` : `was ${before}, is ${now}`;
}

/** As findmnt has it: a part of a file system is in brackets. */
function placeText(place: DirectoryPlace | undefined): string {
  const { source, mountPoint, device = "?" } = place ?? {};
  const [type = "", ...words] = source?.split(" ") ?? [];
  const part = words.pop() ?? "/";
  const name = `${type} ${words.join(" ")}${part === "/" ? "" : `[${part}]`}`;
  const what = source === undefined ? `device ${device}` : name;
  return mountPoint === undefined ? what : `${what} on ${mountPoint}`;
}

function fieldsOf({ root, path, why }: RootFault) {
  return { name: root, path, reason: why };
}

/** What forgets the records and marks nothing, so that an empty disk does not empty those of the peers. */
function refill({ path }: RootFault): string {
  return `if the peers are to fill it again: csync2 -cIr --allow-removals ${path}`;
}

/** A check has held removals. */
export function recordsHeld(fault: RootFault, count: number): ReportEvent {
  const text = `ERROR: ${faultText(fault)}: ${names(count, "recorded name")} at and below it ` +
    `${count === 1 ? "is" : "are"} held, not removed at the peers. Mount or restore it; ${
      refill(fault)
    }; if it was ` +
    `removed on purpose: csync2 -cr --allow-removals ${fault.path}`;
  return {
    event: "removals-held",
    level: 0,
    text,
    isError: true,
    ...fieldsOf(fault),
    count,
  };
}

/** An update has held marks of removals. */
export function marksHeld(
  fault: RootFault,
  { count, peers }: { count: number; peers: readonly HostName[] },
): ReportEvent {
  const text = `ERROR: ${faultText(fault)}: ${names(count, "marked removal")} at and below it ` +
    `${count === 1 ? "is" : "are"} held, not sent to ${
      peers.join(", ")
    }. Mount or restore it; if ` +
    `it was removed on purpose: csync2 -ur --allow-removals ${fault.path}`;
  return {
    event: "removals-held",
    level: 0,
    text,
    isError: true,
    ...fieldsOf(fault),
    count,
    peers,
  };
}

export interface Excess {
  readonly count: number;
  /** Names with a record in the same range. */
  readonly known: number;
  readonly limit: RemovalLimit;
  /** Of an update. */
  readonly peer?: HostName;
}

/** More removals than `--max-removals` allows. */
export function tooManyRemovals({ count, known, limit, peer }: Excess): ReportEvent {
  const most = removalLimitText(limit);
  const part = limit.kind === "percent" ? ` of ${known}` : "";
  const what = peer === undefined
    ? `${names(count, "recorded name")}${part} would be removed`
    : `${names(count, "name")}${part} would be removed at ${peer}`;
  const text = `ERROR: ${what}, more than --max-removals ${most} allows: all removals are held, ` +
    "everything else goes on. If they are meant: run it again with a higher limit or without it.";
  return {
    event: "too-many-removals",
    level: 0,
    text,
    isError: true,
    ...(peer !== undefined && { peer }),
    count,
    known,
    limit: most,
  };
}

/** The server takes nothing below a root; said once per fault. */
export function notTaken(fault: RootFault): ReportEvent {
  const text = `ERROR: ${faultText(fault)}: nothing is taken from peers below it until it is ` +
    `back. Mount or restore it; ${refill(fault)}`;
  return { event: "root-missing", level: 0, text, isError: true, ...fieldsOf(fault) };
}

/** The answer to a peer. */
export function refusalText(root: DbName): string {
  return `Directory ${root} is missing or not mounted here.`;
}

function names(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}
