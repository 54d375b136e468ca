/** The table of commands: word -> arguments, phase, answer (W 11, W 12). The loop knows none by name. */
import {
  type Change,
  type DbName,
  isDbName,
  type Meta,
  nanos,
  type Outcome,
  PERMISSION_BITS,
  TYPE_BITS,
  unitOf,
} from "../../model/mod.ts";
import type { Addressed, PutSession, RequestHandler } from "../request.ts";
import { ProtocolError } from "../protocol_error.ts";
import { acceptFast, FAST_WORD, type Nonces } from "../fast/negotiation.ts";
import {
  LINK_TARGET_MAX_BYTES,
  listRow,
  parseNumber32,
  parseStreamHeader,
  parseWholeNumber,
  streamHeader,
} from "./codec.ts";
import { type ClientFlavour, timeArgument, type TimeUnit } from "./flavour.ts";
import { ABSENT_TEXT, REPLY, replyFor } from "./replies.ts";
import type { Wire } from "./wire.ts";

/** One connection as the commands see it. */
export interface Session {
  readonly wire: Wire;
  readonly handler: RequestHandler;
  readonly flavour: ClientFlavour;
  /** Unit for GETTM and LIST. */
  readonly unit: TimeUnit;
  /** Longest delta that is taken. */
  readonly maxStreamBytes: number;
  /** Whether our own clients are offered the fast dialect. */
  readonly speaksFast: boolean;
  /** HELLO succeeded as `name`. */
  readonly onIdentified: (name: string) => void;
}

/** Decoded arguments; undefined where one could not be decoded or was not given. */
export type Args = readonly (string | undefined)[];
/**
 * A reply line; `answered` when the command wrote its reply itself; `end` leaves the loop after it, `fast`
 * leaves it for the other dialect.
 */
export type Answer =
  | { readonly reply: string; readonly end?: true; readonly fast?: Nonces }
  | "answered"
  | "answered, end";

export interface Command {
  /** From which phase on it is understood. */
  readonly from: "anonymous" | "identified";
  /** Which flavour of client sends it so; undefined for both. Told before the phase is checked. */
  readonly shows?: (args: Args) => TimeUnit | "ours" | undefined;
  readonly run: (session: Session, args: Args) => Promise<Answer>;
}

/** Rows of LIST are written in pieces of about this size. PERF: 0.1 s less for 128,000 rows than 32 KiB. */
const LIST_PIECE_CHARS = 131_072;
const COUNT_OF_MKDIR_ARGS = 6;

export const COMMANDS: Readonly<Record<string, Command>> = {
  SIG: onFile(look),
  MARK: onFile(async ({ handler }, at) => answer(await handler.mark(at))),
  FLUSH: onFile(async ({ handler }, at) => answer(await handler.flush(at))),
  TYPE: onFile(type),
  GETTM: onFile((session, at) => measure(session, at, "mtime")),
  GETSZ: onFile((session, at) => measure(session, at, "size")),
  DEL: change(() => ({ kind: "remove" })),
  PATCH: { ...onFile((session, at) => patch(session, at)), shows: () => "seconds" },
  ATOMICPATCH: {
    ...onFile(atomicPatch),
    shows: (args) => args.length === 0 ? "ours" : "nanos",
  },
  MKDIR: {
    ...change(mkdir),
    shows: (args) => args.length >= COUNT_OF_MKDIR_ARGS ? "nanos" : "seconds",
  },
  MKCHR: change((args) => node("chr", args)),
  MKBLK: change((args) => node("blk", args)),
  MKFIFO: change(() => ({ kind: "fifo" })),
  MKLINK: change(link),
  MKSOCK: change(() => ({ kind: "sock" })),
  SETOWN: change(setOwn),
  SETMOD: change(setMode),
  SETIME: { ...change(setTime), shows: (args) => unitShownBySetime(args) },
  "OCTET-STREAM": { from: "anonymous", run: skipStream },
  LIST: { from: "identified", run: list },
  GROUP: { from: "anonymous", run: group },
  HELLO: { from: "anonymous", run: hello },
  [FAST_WORD]: { from: "anonymous", run: goFast },
  BYE: {
    from: "anonymous",
    run: () => Promise.resolve({ reply: REPLY.goodbye, end: true }),
  },
};

/** A command on `key name ...`: a name that is none is denied like one outside every group (W 20.16). */
function onFile(
  run: (session: Session, at: Addressed, rest: Args) => Promise<Answer>,
): Command {
  return {
    from: "identified",
    run: (session, [key, name, ...rest]) => {
      if (key === undefined || name === undefined || !isDbName(name)) {
        return Promise.resolve({ reply: REPLY.denied });
      }
      return run(session, { key, name }, rest);
    },
  };
}

/** A change without content; `parse` gives the reply text when the arguments make no sense. */
function change(parse: (args: Args, flavour: ClientFlavour) => Change | string): Command {
  return onFile(async ({ handler, flavour }, at, rest) => {
    const wanted = parse(rest, flavour);
    if (typeof wanted === "string") return { reply: wanted };
    return answer(await handler.change(at, wanted));
  });
}

function answer(outcome: Outcome): Answer {
  return { reply: replyFor(outcome) };
}

function mkdir(args: Args, flavour: ClientFlavour): Change | string {
  if (args.length < COUNT_OF_MKDIR_ARGS - 2) return { kind: "mkdir" }; // COMPAT: rc1 ignores extras
  const meta = parseMeta("dir", args, flavour);
  return meta === undefined ? REPLY.invalidArgument : { kind: "mkdir", meta };
}

/** `uid gid mode mtime`. */
function parseMeta(kind: "reg" | "dir", args: Args, flavour: ClientFlavour): Meta | undefined {
  const [uid, gid, mode] = args.slice(0, 3).map(parseNumber32);
  const time = parseWholeNumber(args[3]);
  if (uid === undefined || gid === undefined || mode === undefined || time === undefined) {
    return undefined;
  }
  if (uid === -1 || gid === -1 || mode === -1) return undefined;
  return {
    uid,
    gid,
    mode: TYPE_BITS[kind] | (mode & PERMISSION_BITS),
    mtime: flavour.timeFrom(time),
  };
}

function node(type: "chr" | "blk", [device]: Args): Change | string {
  if (device === undefined) return { kind: "node", type }; // what C clients send (W 20.23)
  const rdev = parseNumber32(device);
  return rdev === undefined ? REPLY.invalidArgument : { kind: "node", type, rdev: rdev >>> 0 };
}

function link([target]: Args): Change | string {
  if (target === undefined) return REPLY.noSuchFile; // as symlink(2) says of an empty target
  return target.length > LINK_TARGET_MAX_BYTES ? REPLY.nameTooLong : { kind: "link", target };
}

function setOwn(args: Args): Change | string {
  const [uid, gid] = args.slice(0, 2).map(parseNumber32);
  return uid === undefined || gid === undefined ? REPLY.invalidArgument : { kind: "own", uid, gid };
}

function setMode([text]: Args): Change | string {
  const mode = parseNumber32(text);
  return mode === undefined || mode === -1
    ? REPLY.invalidArgument
    : { kind: "mode", mode: mode & PERMISSION_BITS };
}

function setTime([text]: Args, flavour: ClientFlavour): Change | string {
  const value = parseWholeNumber(text);
  return value === undefined
    ? REPLY.invalidArgument
    : { kind: "mtime", mtime: flavour.timeFrom(value) };
}

function unitShownBySetime(args: Args): TimeUnit | undefined {
  const value = parseWholeNumber(args[2]);
  return value === undefined ? undefined : unitOf(value);
}

async function look({ wire, handler }: Session, at: Addressed): Promise<Answer> {
  const found = await handler.look(at);
  switch (found.kind) {
    case "absent":
      await wire.send(REPLY.pathNotFound, ABSENT_TEXT, streamHeader(0), REPLY.finished);
      return "answered";
    case "behind-link":
      await wire.send(REPLY.notFound, ABSENT_TEXT, streamHeader(0), REPLY.finished);
      return "answered";
    case "there":
      if (found.signature === undefined) {
        await wire.send(REPLY.dataFollows, found.checkText, streamHeader(0), REPLY.finished);
        return "answered";
      }
      await wire.send(REPLY.dataFollows, found.checkText);
      await wire.sendStream(found.signature);
      return { reply: REPLY.finished };
    default:
      return answer(found);
  }
}

/** Content until the end of the connection: no length, no final status (W 12 TYPE). */
async function type({ wire, handler }: Session, at: Addressed): Promise<Answer> {
  const content = await handler.content(at);
  if (!(Symbol.asyncIterator in content)) return answer(content);
  await wire.send(REPLY.dataFollows);
  for await (const piece of content) await wire.duplex.write(piece);
  return "answered, end";
}

async function measure(
  { wire, handler, unit }: Session,
  at: Addressed,
  of: "mtime" | "size",
): Promise<Answer> {
  const value = await handler.measure(at, of);
  if (typeof value === "object") return answer(value);
  const shown = value === undefined || of === "size" ? value : timeArgument(unit, nanos(value));
  // COMPAT: -1 says "missing", so a time of one before the epoch is given as the epoch (W 20.11).
  const text = shown === undefined ? "-1" : shown === -1n ? "0" : String(shown);
  await wire.send(REPLY.dataFollows, text); // no final status (W 12)
  return "answered";
}

async function atomicPatch(session: Session, at: Addressed, rest: Args): Promise<Answer> {
  const meta = parseMeta("reg", rest, session.flavour);
  return meta === undefined ? { reply: REPLY.invalidArgument } : await patch(session, at, meta);
}

/**
 * The reply waits until the promised stream was taken completely, whatever became of the file: C servers
 * that do not wait execute the rest as commands (W 20.1). There is never a negative length (W 20.3).
 */
async function patch(session: Session, at: Addressed, meta?: Meta): Promise<Answer> {
  const { wire, handler } = session;
  const begun = await handler.beginPut(at, meta);
  if ("kind" in begun) return answer(begun);
  await using put: PutSession = begun;
  await wire.send(REPLY.sendData);
  await wire.sendStream(put.signature);
  const size = await wire.streamHeader(session.maxStreamBytes);
  if (size === "none") {
    const outcome = await put.abort();
    return outcome.kind === "done" ? { reply: REPLY.ioError } : answer(outcome);
  }
  const delta = wire.incoming(size);
  const outcome = await put.apply(delta.bytes);
  await delta.skip();
  return answer(outcome);
}

/**
 * A delta where a command is due: our own clients send one directly behind the command when the file
 * is new, and the command was refused. It is taken without an answer, and never executed (W 20.1).
 */
async function skipStream({ wire, flavour, maxStreamBytes }: Session, [length]: Args) {
  if (!flavour.isOurClient) return { reply: REPLY.unknownCommand };
  const size = parseStreamHeader(`octet-stream ${length ?? ""}`);
  if (size === undefined || size === "none" || size > maxStreamBytes) {
    throw new ProtocolError("stream", "Cannot skip a stream: its length is malformed or too long");
  }
  await wire.incoming(size).skip();
  return "answered" as const;
}

async function list(
  { wire, handler, unit, flavour: { isOurClient: isOurs } }: Session,
  [myName, which, ...keys]: Args,
): Promise<Answer> {
  const isAll = which === "-";
  const usable = keys.filter((key) => key !== undefined);
  if (myName === undefined || usable.length === 0) return { reply: REPLY.finished };
  if (!isAll && (which === undefined || !isDbName(which))) return { reply: REPLY.finished };
  const only = isAll ? {} : { only: which as DbName };
  let rows: string[] = [], chars = 0;
  for await (const batch of handler.list({ myName, keys: usable, unit, isOurs, ...only })) {
    for (const row of batch) {
      const line = listRow(row);
      if (!line.startsWith("v")) throw new ProtocolError("source", "Cannot list: not a check text");
      rows.push(line);
      chars += line.length;
      if (chars < LIST_PIECE_CHARS) continue;
      await wire.send(...rows);
      rows = [], chars = 0;
    }
  }
  await wire.send(...rows, REPLY.finished);
  return "answered";
}

async function group({ handler }: Session, [names]: Args): Promise<Answer> {
  const wasSet = await handler.restrictGroups((names ?? "").split(",").filter((n) => n !== ""));
  return { reply: wasSet ? REPLY.finished : REPLY.groupsAlreadySet };
}

/** Only who has not said HELLO yet; everybody else is told what C servers say (W 18.3). */
function goFast({ handler, speaksFast }: Session, args: Args): Promise<Answer> {
  const accepted = speaksFast && !handler.isIdentified ? acceptFast(args) : undefined;
  if (accepted === undefined) return Promise.resolve({ reply: REPLY.unknownCommand });
  return Promise.resolve({ reply: accepted.reply, fast: accepted.nonces });
}

async function hello({ handler, onIdentified }: Session, [name]: Args): Promise<Answer> {
  const result = await handler.identify(name ?? "");
  if (result === "failed") return { reply: REPLY.identificationFailed };
  if (result === "encryption-expected") return { reply: REPLY.encryptionExpected };
  onIdentified(name ?? "");
  return { reply: REPLY.finished };
}
