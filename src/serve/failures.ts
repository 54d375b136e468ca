/** What a peer is told when the disk or the state fails, and when there is nothing to look at. */
import { type Absent, CsyncError, failed, PARENT_MISSING, type Refusal } from "../model/mod.ts";
import type { LookReply } from "../protocol/mod.ts";
import type { Reporter } from "../report/mod.ts";
import * as say from "./messages.ts";

/** A disk or a state that fails is a reply line; the connection goes on. */
export async function refusing<T>(
  reporter: Reporter,
  work: () => T | Promise<T>,
): Promise<T | Refusal> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CsyncError)) throw error;
    const refusal = systemRefusal(error);
    if (refusal !== undefined) return refusal;
    if (!error.code.startsWith("state/")) throw error;
    reporter.note(say.stateFailed(error));
    return failed(
      error.code === "state/busy" ? "Resource temporarily unavailable" : "Input/output error",
    );
  }
}

/** What a system call says; undefined for every other error. */
export function systemRefusal(error: CsyncError): Refusal | undefined {
  return error.code.startsWith("os/") && "text" in error ? failed(String(error.text)) : undefined;
}

/** @param makesParents the directories above will be made with the object */
export function absentReply(
  { because, errno }: Absent,
  makesParents: boolean,
): Exclude<LookReply, { kind: "there" }> {
  if (errno === "ENOTDIR") return failed("Not a directory");
  if (because === "parent") return makesParents ? { kind: "absent" } : PARENT_MISSING;
  return { kind: because === "link" ? "behind-link" : "absent" };
}
