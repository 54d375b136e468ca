/** What both sides of a fast connection do alike: frames, contents, credits, signs of life. */
import type { Duplex } from "../../net/mod.ts";
import type { Trace } from "../classic/wire.ts";
import { broken, type Reader } from "./bytes.ts";
import { Credit, Granted } from "./credit.ts";
import { frameNote } from "./frame_note.ts";
import { FrameReader } from "./frame_reader.ts";
import { FrameSender } from "./frame_sender.ts";
import type { Incoming } from "./incoming.ts";
import { ALIVE_MS, DATA_MAX_BYTES, ENDING, FRAME, PACKING } from "./layout.ts";
import { Outgoing } from "./outgoing.ts";
import { loadZstd, Packer, unpack } from "./packing.ts";

type Zlib = NonNullable<Awaited<ReturnType<typeof loadZstd>>>;

export interface ChannelOptions {
  readonly duplex: Duplex;
  readonly trace?: Trace | undefined;
  readonly aliveMs?: number | undefined;
  /** Longest wait for somebody who takes no content. @default {300_000} */
  readonly patienceMs?: number | undefined;
  /** Told of the bytes of contents that have come, or may go. */
  readonly moved?: (bytes: number) => void;
  /** LIMIT: what the length of the next frame may say. */
  readonly maxBytes: () => number;
  /** Every frame that belongs to a request, and is no content. */
  readonly take: (type: number, id: number, reader: Reader, isOwned: boolean) => void;
  /** Types of frames whose memory is given back by `free`. */
  readonly isGivenBack?: (type: number) => boolean;
  /**
   * Who does not read what we say is not read any more. For one of the two sides only: both would wait
   * for each other.
   */
  readonly readsLess?: boolean;
  /** Where the content of a request goes; undefined when none is due. */
  readonly contentOf: (id: number) => Incoming | undefined;
}

export class Channel {
  readonly duplex: Duplex;
  readonly sender: FrameSender;
  readonly granted: Granted;
  readonly #credit: Credit;
  readonly #reader: FrameReader;
  readonly #options: ChannelOptions;
  #outgoing: Outgoing;
  #zlib: Zlib | undefined;
  #inputFailure: { readonly cause: unknown } | undefined;
  /** Why we have closed the connection ourselves. */
  #stalled: { readonly cause: unknown } | undefined;
  #signs: ReturnType<typeof setInterval> | undefined;

  constructor(options: ChannelOptions) {
    const { duplex, trace, maxBytes } = options;
    this.#options = options;
    this.duplex = duplex;
    this.sender = new FrameSender(duplex, trace && frameNote(trace, "Local"));
    this.#credit = new Credit(options.patienceMs, (cause) => {
      this.#stalled = { cause };
      this.close(cause);
    });
    this.granted = new Granted((bytes) => this.#grant(bytes));
    this.#outgoing = this.#sending();
    const note = trace && frameNote(trace, "Peer");
    this.#reader = new FrameReader({
      duplex,
      maxBytes,
      take: (type, id, reader, isOwned) => {
        note?.(type, id, reader.peek(), reader.left);
        this.#take(type, id, { reader, isOwned });
      },
      ...(options.isGivenBack && { isGivenBack: options.isGivenBack }),
      ...(options.readsLess && { paused: () => this.sender.room() }),
    });
  }

  /** The contents that we send. */
  get outgoing(): Outgoing {
    return this.#outgoing;
  }

  /**
   * The other side is who it says it is: from now on it may send contents.
   * @param creditBytes that may be on their way @default {4_194_304}
   */
  open(creditBytes?: number): void {
    if (this.#signs !== undefined) return;
    this.granted.open(creditBytes);
    this.#signs = setInterval(() => this.#grant(0), this.#options.aliveMs ?? ALIVE_MS);
  }

  /** Both sides know zstd. */
  async usePacking(): Promise<void> {
    this.#zlib ??= await loadZstd();
    if (this.#zlib === undefined) return;
    this.#outgoing = this.#sending(new Packer(this.#zlib, { now: () => performance.now() }));
  }

  #sending(packer?: Packer): Outgoing {
    const { moved } = this.#options;
    return new Outgoing({ sender: this.sender, credit: this.#credit, packer, moved });
  }

  /** Until the other side ends, or `stop`. @throws ProtocolError, NetError */
  async run(): Promise<void> {
    try {
      await this.#reader.run();
    } catch (error) {
      throw this.#stalled?.cause ?? error;
    }
  }

  /** Nobody looks at the payload of a frame any more, or at a part of it; what is not the reader's is left alone. */
  free(payload: Uint8Array): void {
    this.#reader.free(payload);
  }

  /** Nothing more is read. */
  stop(): void {
    this.#reader.stop();
    clearInterval(this.#signs);
  }

  /** Why nothing can come any more. */
  get inputFailure(): { readonly cause: unknown } | undefined {
    return this.#inputFailure;
  }

  /** Nothing comes any more, neither contents nor grants. */
  endInput(cause: unknown): void {
    this.#inputFailure ??= { cause };
    this.#credit.fail(cause);
  }

  /** At once; contents that are being sent end with `cause`. */
  close(cause: unknown): void {
    this.stop();
    this.endInput(cause);
    void this.duplex[Symbol.asyncDispose]();
  }

  #take(type: number, id: number, { reader, isOwned }: { reader: Reader; isOwned: boolean }): void {
    switch (type) {
      case FRAME.credit:
        this.#credit.add(reader.u32());
        return reader.done();
      case FRAME.data:
        return this.#content(id).add(this.#unpacked(reader, isOwned));
      case FRAME.end: {
        this.#content(id).end(reader.choice(2) === ENDING.complete ? "complete" : "taken back");
        return reader.done();
      }
      default:
        return this.#options.take(type, id, reader, isOwned);
    }
  }

  #content(id: number): Incoming {
    const incoming = this.#options.contentOf(id);
    if (incoming === undefined || incoming.ending !== undefined) {
      throw broken("a content belongs to nothing");
    }
    return incoming;
  }

  #unpacked(reader: Reader, isOwned: boolean): Uint8Array {
    if (reader.choice(2) === PACKING.none) {
      const piece = reader.rest();
      this.#received(piece.length);
      return isOwned ? piece : piece.slice();
    }
    const bytes = reader.u32();
    this.#received(bytes);
    if (this.#zlib === undefined) throw broken("a content is packed, which was not agreed on");
    return unpack(this.#zlib, reader.rest(), bytes);
  }

  #received(bytes: number): void {
    if (bytes === 0 || bytes > DATA_MAX_BYTES) throw broken(`a content has ${bytes} bytes at once`);
    this.granted.received(bytes);
    this.#options.moved?.(bytes);
  }

  #grant(bytes: number): void {
    this.sender.begin(FRAME.credit, 0, 4).u32(bytes);
    this.sender.end();
  }
}
