/** The base of everything we throw: a code to test, a message to read, and what to do about it. */

export interface CsyncErrorInit {
  /** Sentence case, no full stop: the action, the thing in quotes, the reason after a colon. */
  readonly message: string;
  /** What the reader can do. */
  readonly advice?: string;
  readonly cause?: unknown;
}

/** An error that ends a journey. Test `code`, never the text. */
export class CsyncError extends Error {
  override readonly name: string = "CsyncError";
  readonly advice: string | undefined;

  /** @param code `area/what`, for example `config/syntax` */
  constructor(readonly code: string, { message, advice, cause }: CsyncErrorInit) {
    super(message, cause === undefined ? undefined : { cause });
    this.advice = advice;
  }

  /** Message and advice in one line. */
  get line(): string {
    return this.advice === undefined ? this.message : `${this.message} (${this.advice})`;
  }
}
