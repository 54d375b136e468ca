/** What is wrong with a command line. */
import { CsyncError } from "../model/mod.ts";

/** A command line that means nothing. `lines` go to standard error before the usage. */
export class UsageError extends CsyncError {
  override readonly name = "UsageError";
  constructor(readonly reason: string) {
    super("cli/usage", { message: reason });
  }
}

/** An option whose value cannot be used. */
export class OptionError extends CsyncError {
  override readonly name = "OptionError";
  constructor(
    /** Its letter. */
    readonly option: string,
    { message, cause }: { readonly message: string; readonly cause: unknown },
  ) {
    super("cli/option", { message, cause });
  }
}
