/** Events of the check, with the C program's texts and levels (D 8). */
import type { CsyncError, DbName, DiskPath, HostName } from "../model/mod.ts";
import { percentEncode } from "../model/mod.ts";
import type { ReportEvent } from "../report/mod.ts";

export function uselessArgument(path: DiskPath): ReportEvent {
  return {
    event: "useless-argument",
    level: 0,
    text: `WARNING: Parameter will be ignored: ${path}`,
    path,
  };
}

export function runningCheck(name: DbName, recursive: boolean): ReportEvent {
  const kind = recursive ? "recursive check" : "check";
  return { event: "check-started", level: 2, text: `Running ${kind} for ${name} ...`, name };
}

export function checking(name: DbName): ReportEvent {
  return { event: "file-checked", level: 2, text: `Checking ${name}.`, name };
}

export function notChecked(name: DbName): ReportEvent {
  return { event: "file-not-checked", level: 2, text: `Don't check at all: ${name}`, name };
}

/** `--one-file-system`. */
export function otherFileSystem(name: DbName): ReportEvent {
  const text = `Not on the file system of its include root: ${name} is left alone.`;
  return { event: "other-file-system", level: 1, text, name };
}

export function changed(name: DbName, isNew: boolean): ReportEvent {
  const text = isNew ? `New file: ${name}` : `File has changed: ${name}`;
  return { event: isNew ? "file-appeared" : "file-changed", level: 2, text, name };
}

export function marked(name: DbName): ReportEvent {
  return { event: "file-marked", level: 1, text: `Marking file as dirty: ${name}`, name };
}

export function inNoGroup(name: DbName): ReportEvent {
  const text = `Not in one of my groups: ${name} (NULL)`;
  return { event: "file-in-no-group", level: 2, text, name };
}

export function notMarkingHost(peer: HostName): ReportEvent {
  const text = `Not marking host ${peer} as dirty because -P flag was specified`;
  return { event: "host-not-marked", level: 1, text, peer };
}

/** Whatever could not be looked at is unknown, not gone (D 7.3.1). */
export function cannotExamine(name: DbName, error: CsyncError): ReportEvent {
  const { call = "", text: reason = error.message, path = name } = error as Partial<SystemError>;
  const text = call.includes("stat")
    ? `ERROR: Can't stat ${name}: ${reason}. It is left as it was.`
    : `${reason} in scandir: ${path} (${name})`;
  return { event: "cannot-examine", level: 0, text, isError: true, name };
}
interface SystemError extends CsyncError {
  readonly call: string;
  readonly text: string;
  readonly path: string;
}

export function undefinedPrefix(prefix: string, hostName: HostName): ReportEvent {
  const text = `Prefix '${prefix}' is not defined for host '${hostName}'.`;
  return { event: "undefined-prefix", level: 0, text, prefix };
}

export function initialised(written: number, removed: number): ReportEvent {
  const text = `Init run: ${written} rows written, ${removed} removed, nothing marked.`;
  return { event: "init-run", level: 1, text, written, removed };
}

export function rowForgotten(name: DbName, peer?: HostName): ReportEvent {
  const encoded = percentEncode(name);
  return peer === undefined
    ? { event: "record-removed", level: 1, text: `Removing ${encoded} from file db.`, name }
    : {
      event: "mark-removed",
      level: 1,
      text: `Removing ${encoded} (${percentEncode(peer)}) from dirty db.`,
      name,
      peer,
    };
}
