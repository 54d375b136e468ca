/** One content as it is sent: in pieces, as fast as the other side grants it. */
import type { ByteStream } from "../../model/mod.ts";
import type { Credit } from "./credit.ts";
import { DIRECT_BYTES, type FrameSender } from "./frame_sender.ts";
import { DATA_MAX_BYTES, ENDING, FRAME, PACKING } from "./layout.ts";
import type { Packer } from "./packing.ts";

export interface OutgoingOptions {
  readonly sender: FrameSender;
  readonly credit: Credit;
  /** Where the other side can unpack. */
  readonly packer?: Packer | undefined;
  /** Told of the bytes that the other side lets come. */
  readonly moved?: ((bytes: number) => void) | undefined;
}

/** The contents that one side of a connection sends. */
export class Outgoing {
  readonly #options: OutgoingOptions;

  constructor(options: OutgoingOptions) {
    this.#options = options;
  }

  /**
   * Sends what comes, up to `maxBytes`; `end` has to follow.
   * @returns bytes that were there, more than `maxBytes` when it was cut
   * @throws what `bytes` throws, and why the connection has failed
   */
  async send(id: number, bytes: ByteStream, maxBytes: number): Promise<number> {
    let sent = 0;
    for await (const piece of bytes) {
      sent += piece.length;
      if (sent > maxBytes) break;
      for (let at = 0; at < piece.length; at += DATA_MAX_BYTES) {
        await this.#sendPiece(id, piece.subarray(at, at + DATA_MAX_BYTES));
      }
    }
    return sent;
  }

  end(id: number, how: keyof typeof ENDING): void {
    const { sender } = this.#options;
    sender.begin(FRAME.end, id, 1).u8(ENDING[how]);
    sender.end();
  }

  async #sendPiece(id: number, piece: Uint8Array): Promise<void> {
    const { credit, sender, packer, moved } = this.#options;
    const from = packer?.now();
    const wait = credit.take(piece.length);
    if (wait !== undefined) await wait;
    moved?.(piece.length);
    const room = sender.room();
    if (room !== undefined) await room;
    const packed = packer?.pack(piece);
    const data = packed ?? piece;
    const writer = sender.begin(FRAME.data, id, 5 + Math.min(data.length, DIRECT_BYTES));
    writer.u8(packed === undefined ? PACKING.none : PACKING.zstd);
    if (packed !== undefined) writer.u32(piece.length);
    if (data.length < DIRECT_BYTES) sender.end(data);
    else await new Promise<void>((resolve) => sender.end(data, resolve));
    packer?.sent(data.length, from!);
  }
}
