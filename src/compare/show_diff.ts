/** `-TT`: the content of one name at the peer and here, as a unified difference. */
import { type Config, keyFor, locate } from "../config/mod.ts";
import type { ReadJail, SourceFile } from "../fs/mod.ts";
import {
  type ByteStream,
  CsyncError,
  type DbName,
  fromBytes,
  type HostName,
  type Key,
  type Located,
  parseCheckText,
  type Present,
  refusalText,
} from "../model/mod.ts";
import type { Peer } from "../protocol/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { contentDiff } from "./content_diff.ts";
import * as say from "./messages.ts";

/** LIMIT: both contents and their lines have to fit in memory. */
export const MAX_CONTENT_BYTES = 32 * 1_048_576;
/** LIMIT: links that are followed for one name; the kernel follows 40. */
const MAX_LINKS = 8;

export interface ShowDiffOptions {
  readonly config: Config;
  readonly jail: ReadJail;
  readonly reporter: Reporter;
  readonly dial: (peer: HostName) => Promise<Peer | undefined>;
  readonly pair: say.Pair;
  readonly name: DbName;
}

/**
 * Prints what `diff -Nus` would. What is missing on a side counts as empty. Here links are followed as
 * long as they stay in the tree that the name belongs to; nothing but regular files is opened.
 *
 * @returns 1 when the contents differ, else 0
 * @throws NetError, ProtocolError when the connection fails
 */
export async function showContentDiff(options: ShowDiffOptions): Promise<0 | 1> {
  const { config, reporter, dial, pair, name } = options;
  const { myName, peer: peerName } = pair;
  const key = keyFor(config, name, peerName, { compare: true });
  if (key === undefined) {
    reporter.note(say.unknownPair(true));
    return 0;
  }
  await using peer = await dial(peerName);
  if (peer === undefined) return 0;
  if ((await peer.identify(myName)).kind !== "done") {
    reporter.note(say.notIdentified(peerName));
    return 0;
  }
  const here = readHere(options);
  if (here === undefined) return 0;
  const size = await sizeThere(peer, key, name);
  const answer = await peer.content(key, name);
  if ("kind" in answer) {
    reporter.note(say.refusedByPeer(peerName, refusalText(answer)));
    return 0;
  }
  const there = await readAll(answer);
  if (there === undefined) {
    reporter.note(say.notShown(name, `more than ${MAX_CONTENT_BYTES} bytes at ${peerName}`));
    return 0;
  }
  if (size !== undefined && BigInt(there.length) < size) {
    reporter.note(say.cutShort(pair, name, { size, received: there.length }));
    return 0;
  }
  const labels = { theirs: `${peerName}:${name}`, ours: `${myName}:${name}` };
  const { lines, differs } = await contentDiff({ there, here, ...labels });
  for (const line of lines) reporter.print(line);
  return differs ? 1 : 0;
}

/**
 * Of a regular file, as the peer describes it: TYPE tells neither length nor end, so a lost connection
 * looks like the end of the file (W 12). Undefined when the peer does not say, or for anything else.
 */
async function sizeThere(peer: Peer, key: Key, name: DbName): Promise<bigint | undefined> {
  const answer = await peer.look(
    key,
    name,
    ({ checkText }) => Promise.resolve(parseCheckText(checkText)),
  );
  if (answer.kind !== "there" || answer.judged?.type !== "reg") return undefined;
  return answer.judged.size;
}

/** Our content as a byte string; undefined when there is none to show, which was reported. */
function readHere(options: ShowDiffOptions): string | undefined {
  const { config, jail, reporter, name } = options;
  try {
    const at = locate(config, name);
    const found = at && follow(jail, at);
    if (found === undefined) return "";
    if (found.entry.kind === "dir") {
      reporter.note(say.isDirectory(name));
      return undefined;
    }
    if (found.entry.kind !== "reg") {
      reporter.note(say.notShown(name, `it is no regular file here`));
      return undefined;
    }
    using source = jail.open(found.at);
    if (source.size <= MAX_CONTENT_BYTES) return readSource(source);
    reporter.note(say.notShown(name, `more than ${MAX_CONTENT_BYTES} bytes here`));
  } catch (error) {
    if (!(error instanceof CsyncError && error.code.startsWith("os/"))) throw error;
    reporter.note(say.notShown(name, error.message));
  }
  return undefined;
}

interface FoundObject {
  readonly at: Located;
  readonly entry: Present;
}

/** The object that a name leads to; undefined when nothing is there or a link leaves the tree. */
function follow(jail: ReadJail, start: Located): FoundObject | undefined {
  let at: Located | undefined = start;
  for (let links = 0; at !== undefined && links < MAX_LINKS; links++) {
    const entry = jail.look(at);
    if (entry.kind === "absent") return undefined;
    if (entry.kind !== "lnk") return { at, entry };
    at = linkTarget(at, entry.target);
  }
  return undefined;
}

/** Where a link leads, as text: `..` above the anchor and absolute targets outside it lead nowhere. */
function linkTarget({ anchor, below }: Located, target: string): Located | undefined {
  const isAbsolute = target.startsWith("/");
  const base = isAbsolute ? [] : [...anchor.split("/"), ...below.split("/").slice(0, -1)];
  const parts: string[] = [];
  for (const part of [...base, ...target.split("/")]) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  const path = `/${parts.join("/")}`;
  const root = anchor === "/" ? "/" : `${anchor}/`;
  const top = below.split("/")[0] ?? "";
  if (!path.startsWith(root)) return undefined;
  const inside = path.slice(root.length);
  // A prefix names one directory: its neighbours below the same anchor are not part of its tree.
  const isInTree = anchor === "/" || inside === top || inside.startsWith(`${top}/`);
  return isInTree ? { anchor, below: inside } : undefined;
}

function readSource(source: SourceFile): string {
  const bytes = new Uint8Array(source.size);
  let done = 0;
  while (done < bytes.length) {
    const n = source.readAt(bytes.subarray(done), done);
    if (n === 0) break;
    done += n;
  }
  return fromBytes(bytes.subarray(0, done));
}

async function readAll(stream: ByteStream): Promise<string | undefined> {
  let text = "";
  for await (const piece of stream) {
    text += fromBytes(piece);
    if (text.length > MAX_CONTENT_BYTES) return undefined;
  }
  return text;
}
