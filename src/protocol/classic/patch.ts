/** PATCH and ATOMICPATCH from the client's side (W 15.4, W 20.1). */
import {
  type ByteStream,
  failed,
  type Outcome,
  type Refusal,
  type SizedStream,
  toBytes,
} from "../../model/mod.ts";
import type { DeltaSource } from "../peer.ts";
import { notAdmitted, settle, type Settled, statusLine } from "./answers.ts";
import type { Turn } from "./dialogue.ts";
import { outcomeOf, REPLY } from "./replies.ts";
import type { Wire } from "./wire.ts";

/** Signature of a file that does not exist (W 10.1). */
const NO_BLOCKS = toBytes("rs\x016\0\0\x08\0\0\0\0\x08");

export interface PatchOptions {
  readonly isOurs: boolean;
  readonly maxSignatureBytes: number;
}

export class PatchSender {
  readonly isOurs: boolean;
  readonly #wire: Wire;
  readonly #maxSignatureBytes: number;

  constructor(wire: Wire, { isOurs, maxSignatureBytes }: PatchOptions) {
    this.#wire = wire;
    this.isOurs = isOurs;
    this.#maxSignatureBytes = maxSignatureBytes;
  }

  /**
   * Nothing else is written between the command and its delta. A foreign server has nothing else to
   * answer at all while it is at it, and gets nothing behind the delta before it has replied: when it
   * fails behind `OK (send_data).` it executes the delta, and the replies that follow are not ours.
   */
  async send(line: string, content: DeltaSource, turn: Turn): Promise<Settled<Outcome>> {
    await turn.toSend();
    if (!this.isOurs) await turn.toRead();
    await this.#wire.send(line);
    await turn.toRead();
    const reply = await statusLine(this.#wire);
    if (!reply.startsWith(REPLY.sendData)) return { value: notAdmitted(reply) };
    const size = await this.#wire.streamHeader(this.#maxSignatureBytes);
    if (size === "none") { // W 20.3: the peer has no signature, yet waits for an answer
      return { value: await this.#giveUp() };
    }
    const signature = this.#wire.incoming(size);
    const made = await settle(() => content(signature.bytes));
    await signature.skip();
    if ("thrown" in made) {
      await this.#giveUp();
      return made;
    }
    return { value: await this.#sendDelta(made.value, turn) };
  }

  async #sendDelta(delta: SizedStream | undefined, turn: Turn): Promise<Outcome> {
    if (delta === undefined) return await this.#giveUp();
    if (this.#wire.duplex.pending > 0) {
      // W 20.1: a C server that has already refused would execute the delta as commands.
      return notAdmitted(await statusLine(this.#wire));
    }
    await this.#wire.sendStream(delta);
    if (this.isOurs) turn.sent();
    return outcomeOf(await statusLine(this.#wire));
  }

  /**
   * To a server of ours, which takes a stream behind a refused command without executing it: command
   * and delta in one go.
   *
   * PERF: without it each new file costs a round trip of its own.
   */
  async sendAtOnce(line: string, content: DeltaSource, turn: Turn): Promise<Settled<Outcome>> {
    await turn.toSend();
    const made = await settle(() => content(once(NO_BLOCKS)));
    if ("thrown" in made) return made;
    if (made.value === undefined) return { value: failed("Given up") };
    await this.#wire.send(line);
    await this.#wire.sendStream(made.value);
    turn.sent();
    await turn.toRead();
    const reply = await statusLine(this.#wire);
    if (!reply.startsWith(REPLY.sendData)) return { value: notAdmitted(reply) };
    const size = await this.#wire.streamHeader(this.#maxSignatureBytes);
    if (size !== "none") await this.#wire.incoming(size).skip();
    return { value: outcomeOf(await statusLine(this.#wire)) };
  }

  /** Ends a PATCH without a delta. */
  async #giveUp(): Promise<Refusal> {
    await this.#wire.send("ERROR");
    const outcome = outcomeOf(await statusLine(this.#wire));
    return outcome.kind === "done" ? failed("Given up") : outcome;
  }
}

async function* once(bytes: Uint8Array): ByteStream {
  yield await Promise.resolve(bytes);
}
