/** Files that the operator wants lines in: the full log of `-O`, the time stamps of `-s`. */
import process from "node:process";
import { CsyncError, type DiskPath, leaf, parent, toBytes } from "../model/mod.ts";
import {
  closeLookOf,
  entryAt,
  entryOf,
  type Fd,
  linksOf,
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_WRONLY,
  openAt,
  OsError,
  truncate,
  writeAll,
} from "../os/mod.ts";
import { lostText } from "./output.ts";

export interface LogFileOptions {
  /** Of a new file; the umask cuts it. */
  readonly mode: number;
  /** Whether what is in the file is thrown away. @default {false} */
  readonly isEmptied?: boolean;
  /** Lines cannot be written, for this reason; called once until they can be written again. */
  readonly onFailure: (reason: string) => void;
}

/**
 * A file that lines are added to. What it cannot take is lost, as the run has to go on; how much is told
 * in the file once it takes lines again.
 */
export class LogFile implements Disposable {
  #lost = 0;

  private constructor(
    private readonly fd: Fd,
    private readonly path: string,
    private readonly onFailure: (reason: string) => void,
  ) {}

  /**
   * Opens or makes the file. Nothing here waits: a pipe that nobody reads is an error.
   *
   * @throws OsError; CsyncError `cli/log-file` for what somebody else may have put there
   */
  static open(path: string, { mode, isEmptied = false, onFailure }: LogFileOptions): LogFile {
    using held = new DisposableStack();
    const fd = held.use(openTrusted(path as DiskPath, { mode, links: MAX_LINKS }));
    if (isEmptied && entryOf(fd, path).kind === "reg") truncate(fd, 0, path);
    held.move();
    return new LogFile(fd, path, onFailure);
  }

  /** @param text byte string without LF */
  line(text: string): void {
    const before = this.#lost === 0 ? "" : lostText(this.#lost);
    try {
      writeAll(this.fd, toBytes(`${before}${text}\n`), this.path);
      this.#lost = 0;
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      if (this.#lost++ === 0) this.onFailure(error.text);
    }
  }

  [Symbol.dispose](): void {
    this.fd[Symbol.dispose]();
  }
}

const FLAGS = O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_NONBLOCK;
const MAX_LINKS = 8;
/** Whom a directory lets make files. */
const WRITABLE_BY_ALL = 0o002;
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Follows links one by one, those of root and of us: `/dev/stderr` is one, and so may be a log's place.
 * Where everybody may make files none is followed, and only a file of our own is taken (D 7.7.9).
 */
function openTrusted(path: DiskPath, { mode, links }: { mode: number; links: number }): Fd {
  const directory = path.startsWith("/") ? parent(path) ?? "/" : parent(`./${path}` as DiskPath)!;
  const name = path === "" ? "" : leaf(path) || "."; // a slash at the end asks for a directory
  using dir = openAt(directory, { flags: O_PATH | O_DIRECTORY });
  const isOpenToAll = (entryOf(dir, directory).meta.mode & WRITABLE_BY_ALL) !== 0;
  try {
    using held = new DisposableStack();
    const fd = held.use(openAt(name, { dir, flags: FLAGS | O_NOFOLLOW, mode }));
    if (isOpenToAll && !isOnlyOurs(fd, path)) throw untrusted("it is not a file of our own alone");
    held.move();
    return fd;
  } catch (error) {
    if (!(error instanceof OsError) || error.errnoName !== "ELOOP" || links === 0) throw error;
  }
  const link = entryAt(dir, name);
  if (isOpenToAll || link.kind !== "lnk" || !isOurs(link.meta.uid)) {
    throw untrusted("it is a link that somebody else could have made");
  }
  // Links to open descriptors lead nowhere by their text, and nobody but the kernel makes them.
  if (isProcess(dir)) return openAt(name, { dir, flags: FLAGS, mode });
  const target = link.target.startsWith("/") ? link.target : `${directory}/${link.target}`;
  return openTrusted(target as DiskPath, { mode, links: links - 1 });
}

function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

/** A regular file under one name, which is ours, and which nobody else can write to. */
function isOnlyOurs(fd: Fd, path: string): boolean {
  const { kind, meta } = entryOf(fd, path);
  return kind === "reg" && meta.uid === process.geteuid?.() && linksOf(fd, path) === 1 &&
    (meta.mode & WRITABLE_BY_OTHERS) === 0;
}

/** Whether the directory is one of procfs. */
function isProcess(dir: Fd): boolean {
  using proc = openAt("/proc", { flags: O_PATH | O_DIRECTORY });
  const [one, other] = [dir, proc].map((fd) => closeLookOf(fd, "/proc").fingerprint.dev);
  return one === other;
}

function untrusted(why: string): CsyncError {
  return new CsyncError("cli/log-file", {
    message: `Everybody may make files in its directory, and ${why}`,
    advice: "name another file",
  });
}
