/** Reads the recordings in tests/golden/transcripts (format: INDEX.md there) and replays either side. */
import { strictPercentDecode, toBytes } from "../../src/model/mod.ts";
import type { Saying } from "./script_link.ts";

const DIRECTORY = new URL("../golden/transcripts/", import.meta.url);

/** One command with all that belongs to it. Byte strings. */
export interface Exchange {
  /** The command line without LF, and its decoded tokens. */
  readonly line: string;
  readonly word: string;
  readonly args: readonly string[];
  /** All bytes of the client, a stream included. */
  readonly client: string;
  /** Server bytes before the client's stream, and those after it (all, when there is none). */
  readonly before: string;
  readonly after: string;
  /** Lines of the server without LF, stream data left out. */
  readonly lines: readonly string[];
  /** Data of the server's stream. */
  readonly signature: string | undefined;
  /** Data of the client's stream; undefined when there is none. */
  readonly delta: string | undefined;
  readonly isAborted: boolean;
}

export interface Transcript {
  readonly name: string;
  readonly clientVersion: string;
  readonly serverVersion: string;
  /** A person typed it: the order of its commands means nothing. */
  readonly isHandWritten: boolean;
  /** One list for each connection. */
  readonly connections: readonly (readonly Exchange[])[];
}

interface Record {
  readonly side: "C" | "S";
  readonly isText: boolean;
  readonly bytes: string;
}

export function transcriptNames(): string[] {
  return [...Deno.readDirSync(DIRECTORY)].map((entry) => entry.name)
    .filter((name) => name.endsWith(".txt")).sort();
}

/** Reads `01-connect-hello-new-file.txt`; a name may be cut to its number. */
export function readTranscript(start: string): Transcript {
  const name = transcriptNames().find((each) => each.startsWith(start));
  if (name === undefined) throw new Error(`No transcript ${start}`);
  const text = Deno.readTextFileSync(new URL(name, DIRECTORY));
  const versions = /^# client (.+?), server (\S+?)[; ]*(?:$|\n|client| \()/m.exec(text);
  if (versions === null) throw new Error(`No versions in ${name}`);
  const connections: Record[][] = [[]];
  for (const line of text.split("\n")) {
    if (line.startsWith("# ---- ")) connections.push([]);
    const record = parseRecord(line);
    if (record !== undefined) connections.at(-1)!.push(record);
  }
  return {
    name: name.replace(/\.txt$/, ""),
    clientVersion: versions[1]!,
    serverVersion: versions[2]!,
    isHandWritten: versions[1]!.startsWith("hand-written"),
    connections: connections.map(exchanges),
  };
}

function parseRecord(line: string): Record | undefined {
  const match = /^([CS]) (txt|hex) (.*)$/.exec(line);
  if (match === null) return undefined;
  const isText = match[2] === "txt";
  return {
    side: match[1] as "C" | "S",
    isText,
    bytes: isText ? unescape(match[3]!) : match[3]!.split(" ").map(hexByte).join(""),
  };
}

function hexByte(digits: string): string {
  return String.fromCharCode(parseInt(digits, 16));
}

function unescape(text: string): string {
  const bytes = [...new TextEncoder().encode(text)].map((b) => String.fromCharCode(b)).join("");
  return bytes.replace(/\\(n|r|t|\\|x[0-9a-fA-F]{2})/g, (_, escape: string) => {
    if (escape.startsWith("x")) return hexByte(escape.slice(1));
    return { n: "\n", r: "\r", t: "\t", "\\": "\\" }[escape]!;
  });
}

function exchanges(records: readonly Record[]): Exchange[] {
  const groups: Record[][] = [];
  for (const record of records) {
    const isCommand = record.side === "C" && record.isText &&
      !/^(octet-stream .*|ERROR)\n$/.test(record.bytes);
    if (isCommand) groups.push([record]);
    else groups.at(-1)!.push(record);
  }
  return groups.map(exchange);
}

function exchange(records: readonly Record[]): Exchange {
  const line = records[0]!.bytes.replace(/\n$/, "");
  const [word = "", ...args] = line.split(/\s+/).filter((t) => t !== "").map((t) =>
    strictPercentDecode(t)!
  );
  const of = (side: "C" | "S", isText?: boolean) =>
    records.filter((r) => r.side === side && (isText === undefined || r.isText === isText))
      .map((r) => r.bytes).join("");
  const turn = records.findIndex((r, at) => at > 0 && r.side === "C");
  const hasStream = turn > 0;
  const server = (part: readonly Record[]) =>
    part.filter((r) => r.side === "S").map((r) => r.bytes).join("");
  const streamed = records.some((r) => r.side === "S" && r.bytes.startsWith("octet-stream "));
  return {
    line,
    word,
    args,
    client: of("C"),
    before: hasStream ? server(records.slice(0, turn)) : "",
    after: hasStream ? server(records.slice(turn)) : server(records),
    lines: of("S", true).split("\n").slice(0, -1),
    signature: streamed ? of("S", false) : undefined,
    delta: /(^|\n)octet-stream \d/.test(of("C", true)) ? of("C", false) : undefined,
    isAborted: of("C", true).endsWith("ERROR\n"),
  };
}

/** The server's side of exchanges as a script: it speaks when the client has said its part. */
export function serverScript(
  steps: readonly { client: string; before?: string; after: string }[],
): Saying[] {
  const sayings: Saying[] = [];
  let heard = 0;
  for (const { client, before = "", after } of steps) {
    const lineEnd = client.indexOf("\n") + 1;
    if (before !== "") sayings.push({ after: heard + lineEnd, bytes: before });
    heard += client.length;
    if (after !== "") sayings.push({ after: heard, bytes: after });
  }
  return sayings;
}

/** The client's side as a script: it says the next thing when the server has answered the last. */
export function clientScript(
  steps: readonly { client: string; before?: string; after: string }[],
): Saying[] {
  const sayings: Saying[] = [];
  let heard = 0;
  for (const { client, before = "", after } of steps) {
    const lineEnd = client.indexOf("\n") + 1;
    const hasStream = client.length > lineEnd;
    sayings.push({ after: heard, bytes: client.slice(0, lineEnd) });
    heard += before.length;
    if (hasStream) sayings.push({ after: heard, bytes: client.slice(lineEnd) });
    heard += after.length;
  }
  return sayings;
}

/** A stream of known length from a byte string. */
export function sized(bytes: string): { size: number; bytes: AsyncIterable<Uint8Array> } {
  return {
    size: bytes.length,
    bytes: {
      async *[Symbol.asyncIterator]() {
        await Promise.resolve();
        if (bytes !== "") yield toBytes(bytes);
      },
    },
  };
}

/** All bytes of a stream as a byte string. */
export async function gather(stream: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const piece of stream) text += [...piece].map((b) => String.fromCharCode(b)).join("");
  return text;
}
