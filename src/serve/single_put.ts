/** One file that a peer sends, whatever stands in its way: gate, content, install. */
import type { Meta, Outcome, Refusal } from "../model/mod.ts";
import type { Addressed, SmallPut } from "../protocol/mod.ts";
import type { Client } from "./client.ts";
import { refusing } from "./failures.ts";
import type { Gate } from "./gate.ts";
import { PatchSession } from "./put_session.ts";

export interface Put {
  readonly at: Addressed;
  readonly meta?: Meta | undefined;
  /** Disposed when the session ends; it is the session's as soon as there is one. */
  readonly ending?: DisposableStack;
  /** Longest wait for the path. */
  readonly lockWaitMs?: number | undefined;
}

/** Begins a file, for those who may. The caller has a turn and a permit. */
export function beginPut(
  client: Client,
  gate: Gate,
  { at, meta, ending, lockWaitMs }: Put,
): Promise<PatchSession | Refusal> {
  const { options, signed } = client;
  return gate.pass(at, async (granted): Promise<PatchSession | Refusal> => {
    const asked = { refusesIfDirty: true, makes: true, lockWaitMs };
    const held = await gate.holdForChange(granted, asked);
    if ("kind" in held) return held;
    signed.forget(granted.name);
    if (held.seen?.kind === "dir") await held.giveWay();
    const put = held.beginPut(meta);
    if ("kind" in put) {
      held[Symbol.dispose]();
      return put;
    }
    const last = ending?.move();
    return new PatchSession({
      held,
      put,
      maxFileBytes: options.maxFileBytes ?? Number.MAX_SAFE_INTEGER,
      pace: options.pace,
      onApplied: (applied) => gate.tell(granted, applied),
      guard: (work) => refusing(options.reporter, work),
      onEnd: () => last?.[Symbol.dispose](),
    });
  });
}

/** A whole file at once, as `beginPut`. */
export async function putWhole(
  client: Client,
  gate: Gate,
  { want: { meta }, content, key, name, lockWaitMs }: SmallPut & Pick<Put, "lockWaitMs">,
): Promise<Outcome> {
  const begun = await beginPut(client, gate, { at: { key, name }, meta, lockWaitMs });
  if ("kind" in begun) return begun;
  await using put = begun;
  return await put.applyWhole(content, () => true);
}
