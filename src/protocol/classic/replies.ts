/** Every reply text of the classic dialect and what it means (W 3, W appendix A). */
import {
  CONFLICT,
  DONE,
  exhaustive,
  failed,
  type Outcome,
  PARENT_MISSING,
} from "../../model/mod.ts";
import { ProtocolError } from "../protocol_error.ts";

/** The reply texts that we send, and that we recognise by prefix. */
export const REPLY = {
  finished: "OK (cmd_finished).",
  dataFollows: "OK (data_follows).",
  sendData: "OK (send_data).",
  notFound: "OK (not_found).",
  pathNotFound: "OK (path_not_found).",
  goodbye: "OK (cu_later).",
  activatingSsl: "OK (activating_ssl).",
  conflict: "File is also marked dirty here!",
  parentMissing: "Parent dir missing.",
  groupsAlreadySet: "Group list already set!",
  identificationFailed: "Identification failed!",
  deniedForSlave: "Permission denied for slave!",
  denied: "Permission denied!",
  encryptionExpected: "SSL encrypted connection expected!",
  // COMPAT: the Debian 12 build spells it so, both source trees write "Unkown"; clients accept both (W 3).
  unknownCommand: "Unknown command!",
  badConfigName: "Config names are limited to [a-z0-9]+.",
  badFirstLine: "Expecting SSL (optional) and CONFIG as first commands.",
  noSsl: "This csync2 server is built without SSL support.",
  ioError: "Input/output error",
  invalidArgument: "Invalid argument",
  noSuchFile: "No such file or directory",
  nameTooLong: "File name too long",
} as const;

/** Check text of an object that is not there (W 8). */
export const ABSENT_TEXT = "---";

/** LIMIT: a C client reads status lines of 4095 bytes with LF (W 2.1). */
const STATUS_TEXT_MAX_BYTES = 4_094;

const UNKNOWN_COMMAND_REGEXP = /^Unk(?:n)?own command!/;
/** Successes that only certain commands have; anywhere else they answer another request. */
const SPECIAL_OK: readonly string[] = [
  REPLY.dataFollows,
  REPLY.sendData,
  REPLY.notFound,
  REPLY.pathNotFound,
  REPLY.goodbye,
  REPLY.activatingSsl,
];

/** `Dear 127.2.1.1, please identify first.` */
export function pleaseIdentify(address: string | undefined): string {
  return `Dear ${address ?? "stranger"}, please identify first.`;
}

const OURS_REGEXP = /^Dear [^ ]+, please identify first \(csync2 3\)\.$/;

/** The answer to the bare probe, which tells our clients that this is a server of ours. */
export function pleaseIdentifyOurs(address: string | undefined): string {
  return `Dear ${address ?? "stranger"}, please identify first (csync2 3).`;
}

/** Whether a server of ours has answered the probe. */
export function isFromOurs(reply: string): boolean {
  return OURS_REGEXP.test(reply);
}

export function isOk(reply: string): boolean {
  return reply.startsWith("OK (");
}

/** Whether the peer does not know the command, in both spellings. */
export function isUnknownCommand(reply: string): boolean {
  return UNKNOWN_COMMAND_REGEXP.test(reply);
}

/** Control characters out of a text of the peer, so that it cannot play with a terminal or a log. */
export function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, "?");
}

/**
 * A status line as an outcome. An unknown `OK (` text is plain success (W 3).
 *
 * @throws ProtocolError `desync` for a success that another command has, and for "unknown command":
 * every command that we send exists, so a server that says so has executed content as commands
 * (W 20.1), and what it answers belongs to something else.
 */
export function outcomeOf(reply: string): Outcome {
  if (isUnknownCommand(reply) || SPECIAL_OK.some((ok) => reply.startsWith(ok))) {
    throw new ProtocolError("desync", `Cannot go on: the peer answered "${printable(reply)}"`, {
      advice: "its replies no longer belong to our commands",
    });
  }
  if (isOk(reply)) return DONE;
  if (reply.startsWith(REPLY.conflict)) return CONFLICT;
  if (reply.startsWith(REPLY.parentMissing)) return PARENT_MISSING;
  if (reply.startsWith(REPLY.deniedForSlave)) return { kind: "denied", why: "slave" };
  if (reply.startsWith(REPLY.denied)) return { kind: "denied", why: "no grant" };
  return failed(printable(reply));
}

/** The status line for an outcome. A text that would not fit in one line, or look like success, is mended. */
export function replyFor(outcome: Outcome): string {
  switch (outcome.kind) {
    case "done":
      return REPLY.finished;
    case "conflict":
      return REPLY.conflict;
    case "parent-missing":
      return REPLY.parentMissing;
    case "denied":
      return outcome.why === "slave" ? REPLY.deniedForSlave : REPLY.denied;
    case "failed": {
      const text = printable(outcome.reply).slice(0, STATUS_TEXT_MAX_BYTES);
      return text === "" || isOk(text) ? REPLY.ioError : text;
    }
    default:
      return exhaustive(outcome);
  }
}
