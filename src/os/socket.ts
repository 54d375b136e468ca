/** Descriptors of connections that somebody else opened. */
import { openAt } from "./directory.ts";
import { failure } from "./errno.ts";
import { Fd } from "./fd.ts";
import { F_DUPFD_CLOEXEC, O_RDWR } from "./flags.ts";
import { rare } from "./libc.ts";

/** Standard descriptors end before this one. */
const FIRST_FREE = 3;

/**
 * Takes a standard descriptor over: it gets a number above 2 that no program we start inherits, and
 * /dev/null takes its place, so that a stray print never reaches the peer, and no file that is
 * opened later gets a standard number.
 *
 * @throws OsError
 */
export function takeStandard(fd: 0 | 1 | 2): Fd {
  const path = `descriptor ${fd}`;
  const number = rare().fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE);
  if (number < 0) throw failure("fcntl", path);
  const taken = new Fd(number);
  try {
    using nothing = openAt("/dev/null", { flags: O_RDWR });
    if (rare().dup3(nothing.number, fd, 0) < 0) throw failure("dup3", path);
    return taken;
  } catch (error) {
    taken[Symbol.dispose]();
    throw error;
  }
}
