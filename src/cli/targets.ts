/** Path arguments of the command line -> what they stand for. */
import type { CheckTarget } from "../check/mod.ts";
import { resolveName } from "../config/mod.ts";
import { canonical } from "../fs/mod.ts";
import { CsyncError, type DiskPath, isDbName } from "../model/mod.ts";
import type { Session } from "./session.ts";

/** `cwd`: where relative arguments start, by default the current directory. */
type PathParts = Pick<Session, "config" | "jail"> & { readonly cwd?: string };
type Parts = Pick<Session, "invocation" | "config" | "jail">;

/** All path arguments; undefined when there are none. */
export function targets(session: Parts): readonly CheckTarget[] | undefined {
  const { args, recursive } = session.invocation;
  if (args.length === 0) return undefined;
  return args.map((argument) => ({ path: pathOf(argument, session), recursive }));
}

/**
 * The canonical path of an argument (D 2.2). A name with a prefix as the lists show it, `%p%/x`, is
 * taken for that, unless the current directory has such a file (D 7.2.9).
 */
export function pathOf(argument: string, { config, jail, cwd }: PathParts): DiskPath {
  const path = canonical(argument, cwd === undefined ? {} : { cwd });
  if (!argument.startsWith("%") || !isAbsent(jail, path)) return path;
  const name = argument.replace(/\/+$/, "");
  return (isDbName(name) ? resolveName(config, name) : undefined) ?? path;
}

function isAbsent(jail: Parts["jail"], path: DiskPath): boolean {
  try {
    return jail.look({ anchor: "/" as DiskPath, below: path.slice(1) }).kind === "absent";
  } catch (error) {
    if (error instanceof CsyncError) return false; // something is there
    throw error;
  }
}
