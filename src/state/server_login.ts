/** How to get to a database server: socket, user, password, encryption. */
import { Buffer } from "node:buffer";
import { readFileSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { userInfo } from "node:os";
import { fromBytes, show, toBytes } from "../model/mod.ts";
import type { ServerTarget, TlsMode } from "./database_url.ts";
import { StateError } from "./state_error.ts";

const DEFAULT_HOST = "localhost";
/** D 5.1, for PostgreSQL; MySQL's library takes the user that we run as. */
const DEFAULT_USER = "csync2";
const READABLE_BY_OTHERS = 0o004;

/** Options of a connection over TLS, as node:tls has them; a word of the PostgreSQL driver. */
export type TlsOptions = "prefer" | {
  readonly servername?: string;
  readonly host?: string;
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  readonly checkServerIdentity?: () => undefined;
};

export interface Login {
  readonly target: ServerTarget;
  /** Byte strings. */
  readonly userName: string;
  readonly password: string;
  /** Undefined: not encrypted. */
  readonly tls: TlsOptions | undefined;
}

export interface OpenServerOptions {
  readonly connectTimeoutMs: number;
  /** `-A`: false does not wait for the disk. */
  readonly isSynchronous: boolean;
  readonly onNote?: ((level: 0 | 1 | 2, text: string) => void) | undefined;
}

/**
 * @param password where the URL has none: byte string
 * @throws StateError `state/open` for files that cannot be read
 */
export function loginOf(target: ServerTarget, password: string | undefined): Login {
  return {
    target,
    userName: target.userName ?? (target.kind === "mysql" ? userInfo().username : DEFAULT_USER),
    password: target.password ?? passwordIn(target) ?? password ?? "",
    tls: target.socket === undefined ? tlsOptions(target) : undefined,
  };
}

function passwordIn(target: ServerTarget): string | undefined {
  const file = target.passwordFile;
  if (file === undefined) return undefined;
  const what = `password file "${show(file)}"`;
  try {
    if ((statSync(Buffer.from(toBytes(file))).mode & READABLE_BY_OTHERS) !== 0) {
      throw new Error("everybody may read it; give it mode 0600");
    }
    const [password] = fromBytes(readFileSync(Buffer.from(toBytes(file)))).split(/\r?\n/, 1);
    if (password === "") throw new Error("its first line, the password, is empty");
    return password;
  } catch (error) {
    throw cannotOpen({ target }, `${what}: ${reasonOf(error)}`, error);
  }
}

function tlsOptions(target: ServerTarget): TlsOptions | undefined {
  const { tls, host = DEFAULT_HOST } = target;
  const isName = !/^[\d.]+$|:/.test(host);
  const common = isName ? { servername: textOf(host) } : { host: textOf(host) };
  switch (tls satisfies TlsMode) {
    case "disable":
      return undefined;
    case "prefer":
      return "prefer";
    case "require":
      return { ...common, rejectUnauthorized: false };
    case "verify-ca":
      return { ...common, ...roots(target), ...strict, checkServerIdentity: () => undefined };
    case "verify-full":
      return { ...common, ...roots(target), ...strict };
  }
}

const strict = { rejectUnauthorized: true };

function roots(target: ServerTarget): { ca?: string } {
  const file = target.rootCertFile;
  if (file === undefined) return {};
  try {
    return { ca: readFileSync(Buffer.from(toBytes(file)), "utf8") };
  } catch (error) {
    throw cannotOpen({ target }, `${show(file)}: ${reasonOf(error)}`, error);
  }
}

/** A connected socket to the server. @throws Error with a reason for people */
export function serverSocket(
  { target }: Login,
  { port, signal }: { readonly port: number; readonly signal: AbortSignal },
): Promise<Socket> {
  const { host = DEFAULT_HOST, socket: path } = target;
  const where = path === undefined
    ? { host: textOf(host), port: target.port ?? port }
    : { path: socketPath(textOf(path), target) };
  return new Promise((resolve, reject) => {
    const socket = connect({ ...where, noDelay: true, keepAlive: true });
    // What TLS checks a certificate against when the host is an address, which is no server name.
    Object.assign(socket, { _host: textOf(host) });
    const end = (error?: Error) => {
      signal.removeEventListener("abort", late);
      socket.removeListener("error", end);
      if (error === undefined) return resolve(socket);
      socket.destroy();
      const to = path === undefined ? `${show(host)} port ${target.port ?? port}` : show(path);
      const advice = `start it, or correct ${path === undefined ? "host and port" : "the path"}`;
      reject(new Error(`no server at ${to}: ${reasonOf(error)}; ${advice}`, { cause: error }));
    };
    const late = () => end(new Error("it does not answer"));
    signal.addEventListener("abort", late);
    socket.once("error", end);
    socket.once("connect", () => end());
  });
}

/** What opening a file or a connection can end with, in the words of libuv. */
const REASONS: ReadonlyMap<string | undefined, string> = new Map([
  ["EACCES", "permission denied"],
  ["EADDRNOTAVAIL", "address not available"],
  ["ECONNREFUSED", "connection refused"],
  ["ECONNRESET", "connection reset by peer"],
  ["EHOSTUNREACH", "host is unreachable"],
  ["EISDIR", "illegal operation on a directory"],
  ["ELOOP", "too many symbolic links encountered"],
  ["ENAMETOOLONG", "name too long"],
  ["ENETUNREACH", "network is unreachable"],
  ["ENOENT", "no such file or directory"],
  ["ENOTDIR", "not a directory"],
  ["ENOTSOCK", "socket operation on non-socket"],
  ["ETIMEDOUT", "connection timed out"],
]);

/** The system's words for what it refused, without the call and the path that Node puts around them. */
function reasonOf(error: unknown): string {
  const { code, message } = error as Error & { code?: string };
  return REASONS.get(code) ?? message;
}

/** What to do when a server cuts us off before anybody has logged in; undefined for other errors. */
export function adviceWhenCut(error: unknown, { tls }: Login, kind: string): string | undefined {
  if ((error as { code?: string }).code !== "ECONNRESET") return undefined;
  return tls === undefined || tls === "prefer"
    ? `it closed the connection; correct the port if it is no ${kind} server`
    : "it closed the connection when asked for TLS; let it offer TLS, or use sslmode=prefer";
}

/** PostgreSQL's socket is named by its directory. */
function socketPath(path: string, { kind, port }: ServerTarget): string {
  if (kind !== "pgsql" || /\/\.s\.PGSQL\.\d+$/.test(path)) return path;
  return `${path}/.s.PGSQL.${port ?? 5_432}`;
}

/** A byte string for a driver, which wants text. */
export function textOf(bytes: string): string {
  return show(bytes);
}

/** COMPAT: text of the C program; the reason and what to do follow in the same line. */
export function cannotOpen(
  { target }: Pick<Login, "target">,
  advice: string,
  cause?: unknown,
): StateError {
  const line = advice.replace(/\s*\n\s*/g, " ");
  return new StateError("state/open", {
    message: `Can't open database: ${target.label}`,
    advice: line,
    cause,
  });
}
