/** TLS records of one direction -> handshake messages, until the change of cipher. */

export interface Message {
  readonly type: number;
  /** Without the header. */
  readonly body: Uint8Array;
  /** With the header. */
  readonly whole: Uint8Array;
}

const CHANGE_CIPHER_SPEC = 20, ALERT = 21, HANDSHAKE = 22;
const RECORD_HEADER_BYTES = 5, MESSAGE_HEADER_BYTES = 4;
/** LIMIT: bytes of one side's handshake; a leaf certificate has 1 to 2 KiB. */
const HANDSHAKE_MAX_BYTES = 131_072;

export class HandshakeReader {
  readonly #onMessage: (message: Message) => void;
  readonly #onFault: (why: string) => void;
  #records = new Uint8Array(0);
  #messages = new Uint8Array(0);
  #total = 0;
  #isOver = false;

  constructor(onMessage: (message: Message) => void, onFault: (why: string) => void) {
    this.#onMessage = onMessage;
    this.#onFault = onFault;
  }

  /** Copies what it keeps; free of charge once the handshake is over. */
  feed(bytes: Uint8Array): void {
    if (this.#isOver) return;
    this.#total += bytes.length;
    this.#records = joined(this.#records, bytes);
    let at = 0;
    while (!this.#isOver && this.#records.length - at >= RECORD_HEADER_BYTES) {
      const length = this.#records[at + 3]! << 8 | this.#records[at + 4]!;
      const from = at + RECORD_HEADER_BYTES;
      if (this.#records.length < from + length) break;
      this.#takeRecord(this.#records[at]!, this.#records.subarray(from, from + length));
      at = from + length;
    }
    this.#records = this.#isOver ? new Uint8Array(0) : this.#records.slice(at);
    if (!this.#isOver && this.#total > HANDSHAKE_MAX_BYTES) this.#stop("its handshake is too long");
  }

  #stop(why: string): void {
    this.#isOver = true;
    this.#onFault(why);
  }

  #takeRecord(type: number, body: Uint8Array): void {
    if (type === CHANGE_CIPHER_SPEC) {
      this.#isOver = true;
      if (this.#messages.length > 0) this.#stop("a handshake message is cut");
    } else if (type === HANDSHAKE) this.#takeHandshake(body);
    else if (type !== ALERT) this.#stop(`record ${type} is out of its place`);
  }

  #takeHandshake(body: Uint8Array): void {
    this.#messages = joined(this.#messages, body);
    let at = 0;
    while (this.#messages.length - at >= MESSAGE_HEADER_BYTES) {
      const [type = 0, high = 0, middle = 0, low = 0] = this.#messages.subarray(at);
      const end = at + MESSAGE_HEADER_BYTES + (high << 16 | middle << 8 | low);
      if (this.#messages.length < end) break;
      const whole = this.#messages.slice(at, end);
      this.#onMessage({ type, whole, body: whole.subarray(MESSAGE_HEADER_BYTES) });
      at = end;
    }
    this.#messages = this.#messages.slice(at);
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
