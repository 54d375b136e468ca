/** What our server answers otherwise than the recorded one: transcript -> exchanges as they become. */
import type { Exchange } from "../support/transcript.ts";

const UNKNOWN = "Unknown command!\n";
const PROBED = "Dear 127.2.1.1, please identify first (csync2 3).\n";

export const SERVER_DIFFERS: Readonly<Record<string, (e: Exchange) => Exchange[]>> = {
  // The bare ATOMICPATCH is our own client's probe: it gets our own answer, and nanoseconds.
  "23": (e) => {
    if (e.line === "ATOMICPATCH") return [{ ...e, after: PROBED }];
    if (e.word !== "GETTM" || e.lines[1] === "-1") return [e];
    return [{ ...e, after: e.after.replace("\n1600000000\n", "\n1600000000000000000\n") }];
  },
  "24": (e) => {
    if (e.line === "ATOMICPATCH") return [{ ...e, after: PROBED }];
    return [{ ...e, after: e.after.replace("Unkown command!\n", UNKNOWN) }];
  },
  // Refused before send_data instead of a stream of length -1; ERROR would then be a command.
  "27": (e) =>
    e.word !== "PATCH"
      ? [e]
      : [{ ...e, client: e.line + "\n", before: "", after: "Is a directory\n" }],
  "29": (e) => e.lines[2] === "octet-stream -1" ? [{ ...e, after: "Permission denied\n" }] : [e],
  // Our server knows ATOMICPATCH; the scripted handler refuses it with the recorded words.
  "32": (e) => [e],
  // The delta is taken before the refusal, and is never executed.
  "34": (e) => {
    if (e.word === "BYE") return [{ ...e, after: "OK (cu_later).\n" }];
    if (e.word !== "PATCH") return [e];
    const before = e.before.slice(0, -"Permission denied\n".length);
    return [{ ...e, before, after: "Permission denied\n" }];
  },
};

/** Transcripts whose replies to our server are the recorded ones although the table above has them. */
export const SAME_BYTES = new Set(["32"]);

/** The exchanges of one connection as our server has them. */
export function answeredByUs(number: string, recorded: readonly Exchange[]): readonly Exchange[] {
  const differs = SERVER_DIFFERS[number];
  return differs === undefined ? recorded : recorded.flatMap(differs);
}
