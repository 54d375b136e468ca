/** Frames in words, for -vvv: what they are, about which name, how long; never contents or proofs (pure). */
import { percentEncode, refusalText } from "../../model/mod.ts";
import { printable } from "../classic/replies.ts";
import type { Trace } from "../classic/wire.ts";
import { Reader } from "./bytes.ts";
import { FRAME, frameName, NAME_MAX_BYTES } from "./layout.ts";
import { readRefusal } from "./values.ts";

/** Those that begin with a key and a name. */
const NAMED: ReadonlySet<number> = new Set([
  FRAME.look,
  FRAME.digest,
  FRAME.put,
  FRAME.make,
  FRAME.remove,
  FRAME.touch,
  FRAME.flush,
  FRAME.measure,
  FRAME.content,
  FRAME.copy,
]);

/** @param head of the payload: all but a content that follows it */
export type FrameNote = (type: number, id: number, head: Uint8Array, bytes: number) => void;

export function frameNote(trace: Trace, who: "Local" | "Peer"): FrameNote {
  return (type, id, head, bytes) =>
    trace(`${who}> ${frameName(type)} ${id}${about(type, head)} (${bytes} bytes)`);
}

/** Whoever reads the frame says what is wrong with it. */
function about(type: number, head: Uint8Array): string {
  const reader = new Reader();
  reader.use(head);
  reader.span(0, head.length);
  try {
    if (type === FRAME.refused) return ` ${printable(refusalText(readRefusal(reader)))}`;
    if (!NAMED.has(type)) return "";
    reader.u8();
    return ` ${printable(percentEncode(reader.string(NAME_MAX_BYTES)))}`;
  } catch {
    return "";
  }
}
