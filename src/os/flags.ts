/** Constants of the kernel; those that differ between x86_64 and aarch64 are chosen here. */

const isArm = Deno.build.arch === "aarch64";

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_NO_AUTOMOUNT = 0x800;
export const AT_EMPTY_PATH = 0x1000;

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = isArm ? 0o40000 : 0o200000;
export const O_NOFOLLOW = isArm ? 0o100000 : 0o400000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;

/** FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE */
export const FALLOC_PUNCH_HOLE = 3;
export const SEEK_SET = 0;
export const SEEK_CUR = 1;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

export const RENAME_NOREPLACE = 1;
export const RENAME_EXCHANGE = 2;

export const F_GETFD = 1;
export const F_SETFD = 2;
export const F_GETFL = 3;
export const F_DUPFD_CLOEXEC = 1030;
export const FD_CLOEXEC = 1;

export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;

export const SIGKILL = 9;
export const SIGTERM = 15;

/** Numbers of calls that glibc has no function for; above 423 they are the same everywhere. */
export const SYS_OPENAT2 = 437;
export const SYS_FACCESSAT2 = 439;
export const SYS_FCHMODAT2 = 452;

/** ioctl: shares the blocks of another file. */
export const FICLONE = 0x4004_9409;

/** Types in directory entries. */
export const DT_UNKNOWN = 0;
export const DT_DIR = 4;
