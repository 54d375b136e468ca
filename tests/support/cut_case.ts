/** One session that is cut, what must be true afterwards, and the session that makes up for it. */
import { fromBytes } from "../../src/model/mod.ts";
import type { Ran } from "./cluster.ts";
import type { CutBed } from "./cut_bed.ts";
import type { Seen, Tree } from "./cut_node.ts";
import type { Cut, Direction, How } from "./cut_proxy.ts";

/** A session that nobody disturbed: where it begins, where it ends, and what travelled. */
export interface Model {
  readonly old: Tree;
  readonly wanted: Tree;
  /** Records of the server at the end. */
  readonly records: readonly string[];
  readonly up: Uint8Array;
  readonly down: Uint8Array;
}

/** What went wrong; empty when all is as it must be. */
export type Faults = string[];

/** Names whose old version at the server is a change of its own, which a conflict is about. */
const CONTESTED: ReadonlySet<string> = new Set(["confl"]);

/** A signature of TLS has a byte more or less. */
const TLS_VARIES_BYTES = 16;

export async function model(bed: CutBed): Promise<Model> {
  await bed.reset();
  const old = bed.server.look();
  await bed.server.start();
  bed.proxy.arm(undefined);
  const ran = await bed.client.run("-u");
  await bed.server.quiet(bed.proxy);
  const { up, down } = bed.proxy.recorded;
  const faults: Faults = [];
  judgeEnd(bed, ran, faults);
  await judgeCheck(bed, faults);
  if (faults.length > 0) throw new Error(faults.join("\n"));
  return { old, wanted: bed.server.look(), records: bed.server.table("file"), up, down };
}

export interface Case {
  readonly cut: Cut;
  readonly model: Model;
  /** Whether the server checks its tree in between. */
  readonly checks: boolean;
  /** The next session begins at once, while the server may still be at work on the one that was cut. */
  readonly hurries?: boolean;
  /** Who is killed when the connection has become silent, and how much later. */
  readonly kill?: { readonly victim: "client" | "server"; readonly delayMs: number };
}

/** Cuts one session, looks, and runs another one. */
export async function runCase(bed: CutBed, one: Case): Promise<Faults> {
  const { cut, model, checks, kill, hurries = false } = one;
  const faults: Faults = [];
  await bed.reset();
  await bed.server.start();
  const { proxy } = bed;
  proxy.arm(cut);
  if (kill !== undefined) proxy.onCut = () => killLater(bed, kill);
  const first = await bed.client.run("-u");
  await proxy.afterCut;
  if (hurries) {
    judgeCut(bed, first, faults);
    const before = proxy.connections > 0 ? proxy.ended : Promise.resolve();
    await judgeNext(bed, { model, lost: changesType(model), before, faults });
    return faults;
  }
  await bed.server.quiet(proxy);
  if (!proxy.isCut && cut.after < model[cut.direction].length - TLS_VARIES_BYTES) {
    faults.push("nothing was cut");
  }
  if (kill?.victim !== "client") judgeCut(bed, first, faults);
  const lost = judgeTree(bed, model, faults);
  if (checks) await judgeCheck(bed, faults, lost);
  await bed.server.start(); // after a kill; else it goes on
  await judgeNext(bed, { model, lost, faults });
  return faults;
}

function changesType({ old, wanted }: Model): string[] {
  return [...old.keys()].filter((name) =>
    wanted.has(name) && wanted.get(name)!.kind !== old.get(name)!.kind
  );
}

async function killLater(
  bed: CutBed,
  { victim, delayMs }: NonNullable<Case["kill"]>,
): Promise<void> {
  if (delayMs > 0) await new Promise((go) => setTimeout(go, delayMs));
  await bed[victim].kill();
}

/** The session that makes up for the one that was cut. */
async function judgeNext(
  bed: CutBed,
  { model, lost, before, faults }: {
    model: Model;
    /** Names that a C server may have destroyed. */
    lost: readonly string[];
    /** Resolves when the session that was cut is over. */
    before?: Promise<void>;
    faults: Faults;
  },
): Promise<void> {
  bed.proxy.arm(undefined);
  let second = await bed.client.run("-u");
  if (second.rc === 1 && lost.length > 0) {
    judgeLoss(bed, { lost, second }, faults);
    for (const name of lost) await bed.client.run("-f", bed.client.path(name));
    second = await bed.client.run("-u");
  }
  await before;
  // A server tidies up for its first client; with only times of directories lost, nobody comes again.
  if (bed.proxy.connections === 0) await bed.client.run("-T");
  await bed.server.quiet(bed.proxy);
  judgeEnd(bed, second, faults);
  judgeSame(bed, model, faults);
  await judgeCheck(bed, faults);
}

/** The client tells what happened, once, and its exit code says so. */
function judgeCut(bed: CutBed, { rc, stdout, stderr }: Ran, faults: Faults): void {
  const { client, server: { host } } = bed;
  if (!client.isOurs) return;
  const dirty = client.table("dirty");
  const errors = said(stderr).filter((line) => line !== "Finished with 1 errors.");
  if (stdout !== "") faults.push(`the client prints ${stdout}`);
  if (rc === 0 && errors.length === 0 && dirty.length === 0) return;
  const isTold = errors.length === 1 && errors[0]!.startsWith("ERROR: Connection to ") &&
    errors[0]!.includes(host);
  if (rc !== 1 || !isTold) {
    faults.push(`the client ends with ${rc}, ${dirty.length} marks, and says ${stderr}`);
  }
}

/** Lines, but for the one about the conflict that is part of the session. */
function said(text: string): string[] {
  return text.split("\n").filter((line) =>
    line !== "" && !line.startsWith("Auto-resolving conflict: Won")
  );
}

/**
 * A C server removes an object of another type before it has the new one, and does not record that: it
 * takes the loss for a change of its own (W 20.19). The operator has to decide, and is told so.
 */
function judgeLoss(
  bed: CutBed,
  { lost, second }: { lost: readonly string[]; second: Ran },
  faults: Faults,
): void {
  if (!bed.client.isOurs) return; // it says nothing (D 7.4.6)
  const { host } = bed.server;
  const wanted = lost.map((name) =>
    `ERROR: Updating ${bed.client.path(name)} on ${host} failed: File is also marked dirty here!`
  );
  const lines = said(second.stdout + second.stderr).filter((line) => !wanted.includes(line));
  if (lines.length > 1) faults.push(`the session after a loss: ${lines.join("; ")}`);
}

/**
 * Everything at the server is old or new, and what is not new is still marked at the client.
 * @returns names whose old object a C server has destroyed
 */
function judgeTree(bed: CutBed, { old, wanted }: Model, faults: Faults): string[] {
  const lost: string[] = [];
  const now = bed.server.look({ temporary: false }); // what a kill leaves goes at the next start
  const marks = bed.client.table("dirty");
  // What is missing above a marked name comes with it (W 15.6).
  const isMarked = (name: string) =>
    marks.some((mark) => mark === name || mark.startsWith(`${name}/`));
  for (const name of new Set([...old.keys(), ...wanted.keys(), ...now.keys()])) {
    const is = now.get(name), was = old.get(name), want = wanted.get(name);
    if (same(is, want)) continue;
    const what = `${name} is ${text(is)}, it was ${text(was)} and becomes ${text(want)}`;
    if (!isMarked(name)) faults.push(`not marked at the client: ${what}`);
    if (!same(is, was) && !isHalfDone(bed, { is, was, want })) faults.push(`broken: ${what}`);
    if (is === undefined && was !== undefined && want !== undefined) lost.push(name);
  }
  return lost;
}

interface Versions {
  readonly is: Seen | undefined;
  readonly was: Seen | undefined;
  readonly want: Seen | undefined;
}

/**
 * What a session that ends between two commands may leave, as long as the name is marked: between
 * programs of ours an object that is no regular file, whose owner, mode or time are still to come;
 * with a C program on one side also a file, which travels in four commands (W 15.3), and at a C server
 * nothing in place of an object of another type (W 20.19). Content is never in between.
 */
function isHalfDone(bed: CutBed, { is, was, want }: Versions): boolean {
  if (want === undefined) return false;
  const isOurs = bed.client.isOurs && bed.server.isOurs;
  if (is === undefined) {
    return !bed.server.isOurs && was !== undefined && was.kind !== want.kind;
  }
  if (isOurs && want.kind === "reg") return false;
  const hasContentOf = (one: Seen | undefined) =>
    one !== undefined && one.kind === is.kind && one.content === is.content;
  return hasContentOf(want);
}

function same(a: Seen | undefined, b: Seen | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.kind === b.kind && a.mode === b.mode && a.owner === b.owner && a.mtime === b.mtime &&
    a.content === b.content;
}

function text(seen: Seen | undefined): string {
  if (seen === undefined) return "nothing";
  const { kind, mode, owner, mtime, content } = seen;
  const shown = content.length > 20 ? `${content.length} bytes` : JSON.stringify(content);
  return `${kind} ${mode.toString(8)} ${owner} ${mtime ?? ""} ${shown}`;
}

/** A check of the server finds nothing to tell anybody, but what was its own change from the start. */
async function judgeCheck(
  bed: CutBed,
  faults: Faults,
  lost: readonly string[] = [],
): Promise<void> {
  const { rc, stdout, stderr } = await bed.server.run("-cr", "/");
  if (rc !== 0 || stdout + stderr !== "") {
    faults.push(`the server's check: ${rc} ${stdout}${stderr}`);
  }
  const marked = bed.server.table("dirty").filter((name) =>
    !CONTESTED.has(name) && !lost.includes(name)
  );
  if (marked.length > 0) faults.push(`the server marks ${marked.join(" ")}`);
}

/** A session that nobody disturbs ends well. */
function judgeEnd(bed: CutBed, { rc, stdout, stderr }: Ran, faults: Faults): void {
  const lines = said(stdout + stderr);
  if (rc !== 0 || lines.length > 0) faults.push(`the next session: ${rc} ${lines.join("; ")}`);
  const marked = [...bed.client.table("dirty"), ...bed.server.table("dirty")];
  if (marked.length > 0) faults.push(`marked after the next session: ${marked.join(" ")}`);
}

/** As if nothing had happened. */
function judgeSame(bed: CutBed, { wanted, records }: Model, faults: Faults): void {
  const now = bed.server.look();
  for (const name of new Set([...wanted.keys(), ...now.keys()])) {
    const is = now.get(name), want = wanted.get(name);
    if (!same(is, want)) faults.push(`at last ${name} is ${text(is)} in place of ${text(want)}`);
  }
  const found = bed.server.table("file");
  const wrong = [...new Set([...records, ...found])].filter((row) =>
    records.includes(row) !== found.includes(row)
  );
  if (wrong.length > 0) faults.push(`at last the records differ: ${wrong.join("; ")}`);
  const left = bed.server.table("csync3_intent");
  if (left.length > 0) faults.push(`at last these changes are under way: ${left.join(" ")}`);
}

/** Longest frame of the fast dialect, and its shortest, without the field of its length. */
const FRAME_BYTES = { min: 5, max: 1_048_640 };
const LENGTH_BYTES = 4;
/** Behind these lines frames follow, if the other side agrees. */
const FAST_REGEXP = /^(?:CSYNC3 |OK \(csync3 )/;

/** Places where a line, a stream or a frame ends, the beginning included. */
export function boundaries(bytes: Uint8Array): number[] {
  const found = [0];
  for (let at = 0; at < bytes.length;) {
    const lf = bytes.indexOf(10, at);
    const end = lf < 0 ? bytes.length : lf + 1;
    found.push(end);
    const line = fromBytes(bytes.subarray(at, end));
    if (FAST_REGEXP.test(line) && isFrame(bytes, end)) return [...found, ...frameEnds(bytes, end)];
    const header = /^octet-stream (\d+)\n$/.exec(line);
    at = end + Number(header?.[1] ?? 0);
    if (at > end) found.push(at);
  }
  return found;
}

/** Text is none: its first letters would be an immense length. */
function isFrame(bytes: Uint8Array, at: number): boolean {
  if (at + LENGTH_BYTES > bytes.length) return false;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
  return length >= FRAME_BYTES.min && length <= FRAME_BYTES.max;
}

function* frameEnds(bytes: Uint8Array, from: number): Generator<number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  for (let at = from; isFrame(bytes, at);) {
    at += LENGTH_BYTES + view.getUint32(at, true);
    yield Math.min(at, bytes.length);
  }
}

export interface SampleOptions {
  /** 1: every boundary, 2: every other one. */
  readonly every: number;
  /** Whether each boundary is taken with both neighbours, or with one of the three in turn. */
  readonly isClose: boolean;
  /** Bytes between the further places. */
  readonly step: number;
}

/** Places for the tests of every day, the same ones each time. */
export function sample(bytes: Uint8Array, { every, isClose, step }: SampleOptions): number[] {
  const places = new Set<number>();
  for (const [at, boundary] of boundaries(bytes).entries()) {
    if (at % every !== 0) continue;
    const offsets = isClose ? [-1, 0, 1] : [at % 3 - 1];
    for (const offset of offsets) places.add(boundary + offset);
  }
  for (let at = 0; at <= bytes.length; at += step) places.add(at);
  return inOrder(places, bytes.length);
}

/** LIMIT: so many bytes of a session are cut at every single place. */
const WHOLE_BYTES = 4_096;
/** LIMIT: further places of a session that has more. */
const FURTHER = 600;

/** Every place of the first 4 KiB; beyond them the boundaries and samples. */
export function everywhere(bytes: Uint8Array): number[] {
  const step = Math.max(1, Math.ceil(bytes.length / FURTHER));
  const places = new Set(sample(bytes, { every: 1, isClose: true, step }));
  for (let at = 0; at <= Math.min(bytes.length, WHOLE_BYTES); at++) places.add(at);
  return inOrder(places, bytes.length);
}

function inOrder(places: ReadonlySet<number>, length: number): number[] {
  return [...places].filter((at) => at >= 0 && at <= length).sort((a, b) => a - b);
}

export function describe({ direction, after, how }: Cut): string {
  return `${how} after ${after} bytes ${direction}`;
}

export const DIRECTIONS: readonly Direction[] = ["up", "down"];

const HOWS: readonly How[] = ["fin", "half", "rst", "silence"];

/** The ways of breaking take turns; at boundaries, when there is time, each has its own. */
export function cuts(
  bytes: Uint8Array,
  { direction, places, isFull }: {
    direction: Direction;
    places: readonly number[];
    isFull: boolean;
  },
): Cut[] {
  const ends = new Set(isFull ? boundaries(bytes) : []);
  return places.flatMap((after, at) => {
    const hows = ends.has(after) ? HOWS : [HOWS[at % HOWS.length]!];
    return hows.map((how) => ({ direction, after, how }));
  });
}
