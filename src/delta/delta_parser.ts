/** Delta bytes -> commands: any pieces in, all widths, all errors of W 10.4. */
import { DELTA_MAGIC, OPCODES } from "./delta_format.ts";
import { DeltaError, type DeltaErrorCode } from "./delta_error.ts";

export type DeltaCommand =
  /** Part of a literal, valid until the next command is asked for. Never empty. */
  | { readonly kind: "literal"; readonly bytes: Uint8Array }
  /** May have numbers beyond every file; at most 2^63, and inexact above 2^53. */
  | { readonly kind: "copy"; readonly offset: number; readonly length: number };

/** What the next bytes are. */
type State = "magic" | "opcode" | "numbers" | "literal" | "ended";

/**
 * Reads one delta. Everything behind END is ignored.
 *
 * @example
 * ```ts
 * const parser = new DeltaParser();
 * for (const command of parser.commands(new Uint8Array([0x72, 0x73, 2, 0x36, 0]))) console.log(command);
 * parser.finish();
 * ```
 */
export class DeltaParser {
  #state: State = "magic";
  #opcode = 0;
  /** Magic number or parameters as far as they have come. */
  readonly #pending = new Uint8Array(16);
  readonly #view = new DataView(this.#pending.buffer);
  #have = 0;
  #need = 4;
  #literalLeft = 0;

  get hasEnded(): boolean {
    return this.#state === "ended";
  }

  /** The commands that `piece` completes. @throws DeltaError */
  *commands(piece: Uint8Array): Generator<DeltaCommand, void, void> {
    for (let at = 0; at < piece.length && this.#state !== "ended";) {
      if (this.#state === "literal") {
        const bytes = piece.subarray(at, at + this.#literalLeft);
        at += bytes.length;
        this.#literalLeft -= bytes.length;
        if (this.#literalLeft === 0) this.#state = "opcode";
        yield { kind: "literal", bytes };
      } else if (this.#state === "opcode") {
        this.#startCommand(piece[at++] as number);
      } else {
        const part = piece.subarray(at, at + this.#need - this.#have);
        at += part.length;
        this.#pending.set(part, this.#have);
        this.#have += part.length;
        if (this.#have < this.#need) continue;
        const copy = this.#state === "magic" ? this.#checkMagic() : this.#finishCommand();
        if (copy !== undefined) yield copy;
      }
    }
  }

  /** The stream has ended. @throws DeltaError `delta/truncated` unless END was seen */
  finish(): void {
    if (this.#state !== "ended") fail("delta/truncated", "it ends before its END command");
  }

  #checkMagic(): undefined {
    const magic = this.#view.getUint32(0);
    if (magic !== DELTA_MAGIC) fail("delta/magic", `magic number 0x${magic.toString(16)}`);
    this.#state = "opcode";
  }

  #startCommand(opcode: number): void {
    if (opcode === OPCODES.end) this.#state = "ended";
    else if (opcode < OPCODES.literal) this.#startLiteral(opcode);
    else if (opcode < OPCODES.reserved) {
      this.#opcode = opcode;
      this.#state = "numbers";
      this.#have = 0;
      this.#need = this.#offsetWidth + this.#lengthWidth;
    } else fail("delta/opcode", `reserved command 0x${opcode.toString(16)}`);
  }

  /** Bytes of the offset; a literal has none. */
  get #offsetWidth(): number {
    return this.#opcode < OPCODES.copy ? 0 : 2 ** ((this.#opcode - OPCODES.copy) >> 2);
  }

  get #lengthWidth(): number {
    return 2 ** ((this.#opcode - OPCODES.literal) & 3);
  }

  #startLiteral(length: number): void {
    this.#state = "literal";
    this.#literalLeft = length;
  }

  #finishCommand(): DeltaCommand | undefined {
    const offsetWidth = this.#offsetWidth;
    const length = this.#number(offsetWidth, this.#lengthWidth);
    if (length === 0) fail("delta/empty-command", "a command of length 0");
    if (offsetWidth === 0) {
      this.#startLiteral(length);
      return undefined;
    }
    this.#state = "opcode";
    return { kind: "copy", offset: this.#number(0, offsetWidth), length };
  }

  #number(at: number, width: number): number {
    switch (width) {
      case 1:
        return this.#view.getUint8(at);
      case 2:
        return this.#view.getUint16(at);
      case 4:
        return this.#view.getUint32(at);
      default: {
        const value = this.#view.getBigInt64(at);
        if (value < 0n) fail("delta/number", "a number of more than 63 bits");
        return Number(value);
      }
    }
  }
}

function fail(code: DeltaErrorCode, what: string): never {
  throw new DeltaError(code, { message: `Cannot apply the delta: ${what}` });
}
