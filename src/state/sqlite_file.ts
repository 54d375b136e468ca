/** The file of a SQLite database: where it is, that it exists, and that only its owner can write to it. */
import { resolve } from "node:path";
import process from "node:process";
import { show, toBytes } from "../model/mod.ts";
import type { SqliteTarget } from "./database_url.ts";
import { StateError } from "./state_error.ts";

/** D 7.6.9: whoever can write to the table of actions can run commands as us. */
const NEW_FILE_MODE = 0o600;
const WRITABLE_BY_OTHERS = 0o002;

/**
 * Makes the file if it is missing, with access for its owner alone; SQLite gives its side files the
 * same mode.
 *
 * @returns its absolute path
 * @throws StateError `state/open` or `state/unsafe`
 */
export async function sqliteFile(target: SqliteTarget): Promise<string> {
  const given = asText(target.path);
  if (given === undefined || given === "") throw cannotOpen(target);
  // An absolute path also keeps SQLite from taking `:memory:` or `file:...` for something special.
  const path = resolve(given);
  const inDirectory = target.fileInDirectory;
  try {
    const found = await statOrCreate(path);
    if (found.isDirectory && inDirectory !== undefined) {
      return await sqliteFile({
        ...target,
        path: `${target.path}/${inDirectory}`,
        fileInDirectory: undefined,
      });
    }
    verify(found, target);
    return path;
  } catch (error) {
    throw error instanceof StateError ? error : cannotOpen(target, error);
  }
}

async function statOrCreate(path: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  try {
    // RACE: closing any descriptor of a file drops all locks that this process has on it; at once,
    // and only for a file that nobody else here can have opened yet.
    Deno.openSync(path, { write: true, createNew: true, mode: NEW_FILE_MODE }).close();
  } catch (error) {
    // Another process may have been faster.
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  return await Deno.stat(path);
}

function verify(found: Deno.FileInfo, target: SqliteTarget): void {
  if (!found.isFile) throw cannotOpen(target, new Error("not a file"));
  const isOurs = found.uid === 0 || found.uid === process.geteuid?.();
  if (isOurs && ((found.mode ?? 0) & WRITABLE_BY_OTHERS) === 0) return;
  const why = isOurs ? "everybody may write to it" : `it belongs to user ${found.uid}`;
  throw new StateError("state/unsafe", {
    message: `Cannot trust database "${show(target.label)}": ${why}`,
    advice: "commands in it would be run; correct owner and mode of the file",
  });
}

/** COMPAT: text of the C program, with its hint for a forgotten slash. */
function cannotOpen({ path, label }: SqliteTarget, cause?: unknown): StateError {
  const shown = label.endsWith(path) ? path : label; // with a password masked, if it was meant as a URL
  const hint = path.startsWith("/") ? "" : `Cannot open database file: ${shown}, maybe you need ` +
    `three slashes (like sqlite:///var/lib/csync2/csync2.db)\n`;
  const message = `${hint}Can't open database: ${label}`;
  return new StateError("state/open", { message, ...advice(cause), cause });
}

function advice(cause: unknown): { advice?: string } {
  if (!(cause instanceof Error)) return {};
  if (cause instanceof Deno.errors.NotFound) return { advice: "its directory does not exist" };
  if (cause instanceof Deno.errors.NotCapable) {
    return { advice: "no database can be in /dev, /proc or /sys; take another directory" };
  }
  return { advice: cause.message.replace(/ \(os error .*/s, "") };
}

/** The path for Deno, which takes text only; undefined when it is not UTF-8. */
function asText(path: string): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(toBytes(path));
  } catch {
    return undefined;
  }
}
