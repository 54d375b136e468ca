/** Replays the server of a recording to our client, which is driven like the recorded client. */
import assert from "node:assert/strict";
import {
  type DbName,
  fromEitherUnit,
  fromSeconds,
  type HostName,
  type Key,
  type Nanos,
  NANOS_PER_SECOND,
  type Outcome,
  parseCheckText,
  percentDecode,
  type Present,
  toSeconds,
} from "../../src/model/mod.ts";
import { connectPeer, type LookResult, type Peer } from "../../src/protocol/mod.ts";
import type { Duplex } from "../../src/net/mod.ts";
import { scripted, type ScriptOptions } from "./script_link.ts";
import { meaning } from "./scripted_handler.ts";
import { type Exchange, gather, serverScript, sized, type Transcript } from "./transcript.ts";

/** A command that our client must send, and how it is answered before and after its stream. */
interface Part {
  readonly client: string;
  readonly before?: string;
  readonly after: string;
}

/** One request to our Peer: the commands that it must become, and what must be made of the answers. */
export interface ClientStep {
  readonly parts: readonly Part[];
  /** Undefined for the start and the end of the connection. */
  readonly ask?: (peer: Peer) => Promise<void>;
}

export interface ClientSteps {
  readonly steps: readonly ClientStep[];
  readonly configName: string;
  readonly groups?: readonly string[];
  readonly isTls: boolean;
  readonly unit: "seconds" | "nanos";
}

const OK = "OK (cmd_finished).\n";
const FOLLOW_UPS: readonly string[] = ["SETOWN", "SETMOD", "SETIME"];
const CREATIONS: Readonly<Record<string, Present["kind"]>> = {
  PATCH: "reg",
  ATOMICPATCH: "reg",
  MKDIR: "dir",
  MKCHR: "chr",
  MKFIFO: "fifo",
  MKLINK: "lnk",
  MKSOCK: "sock",
};
const SEND_DATA = "OK (send_data).\noctet-stream 12\nrs\x016\0\0\x08\0\0\0\0\x08";
const SMALL_DELTA = "rs\x026\x01h\0";
const DEVICE = 259;

/** How far a replay came. */
export interface Replayed {
  /** Requests that succeeded, and were what the recording says. */
  readonly succeeded: number;
  /** What ended it early. */
  readonly error?: unknown;
}

/** Runs the steps; every byte of our client is compared. */
export async function replayToClient(replay: ClientSteps): Promise<void> {
  const { error } = await replayCut(replay);
  if (error !== undefined) throw error;
}

/** The same with a server that is cut off; the bytes of our client are compared as far as they came. */
export async function replayCut(
  replay: ClientSteps,
  options: ScriptOptions = {},
): Promise<Replayed> {
  const { duplex, link } = scripted(serverScript(replay.steps.flatMap((step) => step.parts)), {
    certificate: new Uint8Array([1, 2, 3]),
    ...options,
  });
  let succeeded = 0, error: unknown;
  try {
    const peer = await start(replay, duplex, options.idleMs);
    try {
      for (const { ask } of replay.steps) {
        await ask?.(peer);
        if (ask !== undefined) succeeded++;
      }
    } finally {
      await peer[Symbol.asyncDispose]();
    }
  } catch (caught) {
    error = caught;
  }
  const said = replay.steps.flatMap((step) => step.parts).map((part) => part.client).join("");
  if (error === undefined) assert.equal(link.heard, said);
  else {
    const heard = link.heard.replace(/^(GET.. .*\n)\1$/m, "$1"); // a cut number is asked for again
    assert(said.startsWith(heard), `said ${JSON.stringify(heard.slice(-80))}`);
  }
  return { succeeded, error };
}

async function start(replay: ClientSteps, duplex: Duplex, goodbyeMs = 1_000): Promise<Peer> {
  const peer = await connectPeer({
    duplex,
    limits: { goodbyeMs },
    configName: replay.configName,
    ...(replay.groups !== undefined && { groups: replay.groups }),
    ...(replay.isTls && {
      tls: {
        upgrade: (plain) => Promise.resolve(plain),
        trust: (certificate) => certificate[0] === 1 ? "ok" : "wrong",
      },
    }),
  });
  assert.equal(peer.timeUnit, replay.unit);
  return peer;
}

/** The recorded exchanges as steps, with all that our client does otherwise (W 18.4) worked in. */
export function clientSteps(recorded: readonly Exchange[], transcript: Transcript): ClientSteps {
  const unit = transcript.serverVersion === "2.1.1" ? "nanos" : "seconds";
  const queue = recorded.filter((e) => !transcript.isHandWritten || isOurs(e));
  const steps: ClientStep[] = [];
  const isTls = queue[0]!.word === "SSL";
  if (isTls) steps.push(raw(queue.shift()!));
  const config = queue.shift()!;
  steps.push(raw(config));
  const group = queue[0]?.word === "GROUP" ? queue.shift() : undefined;
  if (group !== undefined) steps.push(raw(group));
  steps.push(one({
    client: "ATOMICPATCH\n",
    after: unit === "nanos" ? "Dear 127.2.1.1, please identify first.\n" : "Unknown command!\n",
  }));
  while (queue.length > 0) steps.push(nextStep(queue, unit));
  const last = recorded.at(-1)!.word;
  if (last !== "BYE" && last !== "TYPE") steps.push(one({ client: "BYE\n", after: "" }));
  return {
    steps,
    unit,
    isTls,
    configName: config.args[0] ?? "",
    ...(group !== undefined && { groups: group.args[0]!.split(",") }),
  };
}

/** What a person typed and our client never sends. */
function isOurs({ word, args, lines }: Exchange): boolean {
  if (word === "CONFIG") return lines[0]!.startsWith("OK");
  if (["HELLO", "BYE"].includes(word)) return true;
  if (["", "SSL", "NOSUCH", "MARK", "GROUP", "LIST"].includes(word)) return false;
  return args.length >= 2;
}

function one(part: Part): ClientStep {
  return { parts: [part] };
}

function raw({ client, before, after }: Exchange): ClientStep {
  return one({ client, before, after });
}

function nextStep(queue: Exchange[], unit: "seconds" | "nanos"): ClientStep {
  const e = queue.shift()!;
  if (e.word in CREATIONS) return putStep(e, queue, unit);
  const [key, name] = e.args as [Key, DbName];
  const step = raw(e);
  switch (e.word) {
    case "HELLO":
      return { ...step, ask: async (p) => equal(await p.identify(e.args[0] as HostName), e) };
    case "SIG":
      return { ...step, ask: (p) => askLook(p, e) };
    case "DEL":
      return { ...step, ask: async (p) => equal(await p.remove(key, name), e) };
    case "FLUSH":
      return { ...step, ask: async (p) => equal(await p.flush(key, name), e) };
    case "GETTM":
    case "GETSZ": // a number of one digit is asked for twice
      return { parts: e.lines[1]!.length === 1 ? [e, e] : [e], ask: (p) => askMeasure(p, e) };
    case "LIST":
      return { ...step, ask: (p) => askList(p, e) };
    case "TYPE":
      return { ...step, ask: (p) => askContent(p, e) };
    case "SETIME": {
      const mtime = fromEitherUnit(BigInt(e.args[2]!));
      return {
        ...one({ client: e.client.replace(e.args[2]!, inUnit(unit, mtime)), after: e.after }),
        ask: async (p) => equal(await p.touch(key, name, mtime), e),
      };
    }
    case "SETOWN": // typed by a person
      return { parts: [] };
    case "BYE":
      return step;
    default:
      throw new Error(`Cannot replay ${e.line}`);
  }
}

function inUnit(unit: "seconds" | "nanos", mtime: Nanos): string {
  return String(unit === "nanos" ? mtime : toSeconds(mtime));
}

function equal(outcome: Outcome, { lines }: Exchange): void {
  assert.deepEqual(outcome, meaning(lines.at(-1)!));
}

async function askLook(peer: Peer, e: Exchange): Promise<void> {
  const [key, name] = e.args as [Key, DbName];
  const found = await peer.look(key, name, async ({ checkText, signature }) => ({
    checkText,
    signature: await gather(signature),
  }));
  assert.deepEqual(found, expectedLook(e));
}

function expectedLook({ lines, signature }: Exchange): LookResult<unknown> {
  const [status, checkText, header] = lines;
  if (status === "OK (path_not_found).") return { kind: "absent" };
  if (status === "OK (not_found).") return { kind: "behind-link" };
  if (status !== "OK (data_follows).") return meaning(status!) as LookResult<unknown>;
  if (header === "octet-stream -1") return { kind: "failed", reply: "The peer cannot read it" };
  return { kind: "there", judged: { checkText, signature: signature ?? "" } };
}

async function askMeasure(peer: Peer, e: Exchange): Promise<void> {
  const [key, name] = e.args as [Key, DbName];
  const of = e.word === "GETTM" ? "mtime" : "size";
  const value = BigInt(e.lines[1]!);
  const expected = value === -1n ? undefined : of === "size" ? value : fromEitherUnit(value);
  assert.deepEqual(await peer.measure(key, name, of), expected);
}

async function askList(peer: Peer, e: Exchange): Promise<void> {
  const [host, only, ...keys] = e.args;
  const rows = [];
  const wanted = only === "-" ? undefined : only as DbName;
  for await (const batch of peer.list(host as HostName, keys as Key[], wanted)) rows.push(...batch);
  assert.deepEqual(
    rows,
    e.lines.slice(0, -1).map((line) => {
      const [stored, key] = line.split("\t");
      assert(parseCheckText(percentDecode(stored!)) !== undefined);
      return { key, stored };
    }),
  );
}

async function askContent(peer: Peer, e: Exchange): Promise<void> {
  const content = await peer.content(...e.args as [Key, DbName]);
  assert(Symbol.asyncIterator in content);
  assert.equal(await gather(content), e.after.slice(e.after.indexOf("\n") + 1));
}

/** A creating command with its follow-ups becomes one `put`. */
function putStep(e: Exchange, queue: Exchange[], unit: "seconds" | "nanos"): ClientStep {
  const [key, name, ...rest] = e.args as [Key, DbName, ...string[]];
  const follow = takeFollowUps(queue, e);
  const want = wanted(e, rest, follow);
  const parts = [creation(e, want, unit), ...expectedFollowUps(e, want, follow, unit)];
  const ask = async (peer: Peer) => {
    const content = want.kind !== "reg"
      ? undefined
      : async (signature: AsyncIterable<Uint8Array>) => {
        assert.equal(await gather(signature), e.signature ?? SEND_DATA.slice(-12));
        return e.isAborted ? undefined : sized(e.delta ?? SMALL_DELTA);
      };
    const expected = parts.map((p) => lastLine(p.after, e.signature)).find((l) =>
      !l.startsWith("OK")
    );
    assert.deepEqual(await peer.put(key, name, want, content), meaning(expected ?? "OK (x)"));
  };
  return { parts, ask };
}

function lastLine(replies: string, signature = ""): string {
  return replies.replace(signature, "").split("\n").at(-2)!;
}

function takeFollowUps(queue: Exchange[], { args }: Exchange): Exchange[] {
  const taken: Exchange[] = [];
  while (FOLLOW_UPS.includes(queue[0]?.word ?? "") && queue[0]!.args[1] === args[1]) {
    taken.push(queue.shift()!);
  }
  return taken;
}

/** The object that the recorded client had: from the arguments and follow-ups. */
function wanted(e: Exchange, rest: readonly string[], follow: readonly Exchange[]): Present {
  const kind = CREATIONS[e.word]!;
  const said = (word: string) => follow.find((f) => f.word === word)?.args.slice(2);
  const given = kind === "reg" || kind === "dir" ? rest : [];
  const [uid = "0", gid = "0"] = said("SETOWN") ?? given.slice(0, 2);
  const [mode = "33188"] = said("SETMOD") ?? given.slice(2, 3);
  const [time] = said("SETIME") ?? given.slice(3, 4);
  const mtime = time === undefined ? fromSeconds(1_650_000_000n) : fromEitherUnit(BigInt(time));
  const meta = { uid: Number(uid), gid: Number(gid), mode: Number(mode), mtime };
  switch (kind) {
    case "reg":
      return { kind, meta, size: 0 };
    case "lnk":
      return { kind, meta, target: rest[0]! };
    case "chr":
    case "blk":
      return { kind, meta, rdev: DEVICE };
    default:
      return { kind, meta };
  }
}

/** W 18.4: six arguments for MKDIR, a device number, ATOMICPATCH for 2.1.1 and PATCH for rc1. */
function creation(e: Exchange, want: Present, unit: "seconds" | "nanos"): Part {
  const { uid, gid, mode, mtime } = want.meta;
  const [word, key, name] = e.line.split(" ");
  const dressed = ` ${uid} ${gid} ${mode} ${inUnit(unit, mtime)}`;
  const tail = e.client.slice(e.line.length);
  if (want.kind === "dir") {
    return { client: `MKDIR ${key} ${name}${dressed}${tail}`, after: e.after };
  }
  if (want.kind === "chr") return { client: `${word} ${key} ${name} ${DEVICE}\n`, after: e.after };
  if (want.kind !== "reg") return e;
  const line = unit === "nanos" ? `ATOMICPATCH ${key} ${name}${dressed}` : `PATCH ${key} ${name}`;
  if (word === "ATOMICPATCH" && unit === "seconds") { // what the recorded client did in vain
    const delta = `octet-stream ${SMALL_DELTA.length}\n${SMALL_DELTA}`;
    return { client: `${line}\n${delta}`, before: SEND_DATA, after: OK };
  }
  if (isRefusedLate(e)) return { client: `${line}\n`, after: e.before };
  return { client: line + tail, before: e.before, after: e.after };
}

/** W 20.1: the server has refused after send_data. Our client sees it and keeps the delta back. */
function isRefusedLate({ before, signature }: Exchange): boolean {
  return before !== "" && signature !== "" && !before.endsWith(signature!);
}

/** Those recorded, those that the recorded client leaves out, without those that ours does. */
function expectedFollowUps(
  e: Exchange,
  want: Present,
  recorded: readonly Exchange[],
  unit: "seconds" | "nanos",
): Part[] {
  const { uid, gid, mode, mtime } = want.meta;
  const isMade = e.after.endsWith(OK) || (e.word === "ATOMICPATCH" && unit === "seconds");
  if (want.kind === "sock" || !isMade) return [];
  if (want.kind === "reg" && unit === "nanos") {
    assert(toSeconds(mtime) * NANOS_PER_SECOND < 2n ** 31n * NANOS_PER_SECOND);
    return [];
  }
  const [, key, name] = e.line.split(" ");
  const all = [`SETOWN ${key} ${name} ${uid} ${gid}`];
  if (want.kind !== "lnk") {
    all.push(`SETMOD ${key} ${name} ${mode}`, `SETIME ${key} ${name} ${inUnit(unit, mtime)}`);
  }
  return all.map((line) => ({
    client: `${line}\n`,
    after: recorded.find((r) => r.word === line.slice(0, 6))?.after ?? OK,
  }));
}
