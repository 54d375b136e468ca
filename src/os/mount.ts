/** On which mount and file system an open directory lies. */
import { type DirectoryPlace, fromBytes } from "../model/mod.ts";
import { readSome } from "./content.ts";
import { EMPTY } from "./cstring.ts";
import { openAt } from "./directory.ts";
import { failure, OsError } from "./errno.ts";
import type { Fd } from "./fd.ts";
import { AT_EMPTY_PATH, O_RDONLY } from "./flags.ts";
import { rare, reading } from "./libc.ts";

/** STATX_INO and STATX_MNT_ID; a kernel before 5.8 leaves the second one out. */
const STATX_INO = 0x100;
const STATX_MNT_ID = 0x1000;
/** `FS_IOC_GETFSUUID`, Linux 6.9: a length and 16 bytes. */
const FS_IOC_GETFSUUID = 0x8011_1500;
/** LIMIT: a host with tens of thousands of mounts has some megabytes of them. */
const MOUNTS_MAX_BYTES = 64 << 20;

const stat = new Uint8Array(256);
const u32 = new Uint32Array(stat.buffer);
const u64 = new BigUint64Array(stat.buffer);
const statfs = new BigInt64Array(16);
const uuid = new Uint8Array(32);

/** A mount as the walk compares it: equal numbers while both directories are open are one mount. */
export interface MountNumbers {
  readonly major: number;
  readonly minor: number;
  /** 0 where the kernel does not tell. */
  readonly mount: number;
}

/** @throws OsError */
export function mountNumbers(fd: Fd, path: string): MountNumbers {
  const mask = STATX_INO | STATX_MNT_ID;
  const done = reading().statx(fd.number, EMPTY, AT_EMPTY_PATH, mask, stat);
  if (done !== 0) throw failure("statx", path);
  const isTold = (u32[0]! & STATX_MNT_ID) !== 0;
  return { major: u32[34]!, minor: u32[35]!, mount: isTold ? Number(u64[18]!) : 0 };
}

/**
 * Where the directory lies. Whatever the system does not tell is left out.
 *
 * @param fd open for reading, or as a path, which has no UUID
 * @throws OsError
 */
export function placeOf(fd: Fd, path: string): DirectoryPlace {
  const { major, minor, mount } = mountNumbers(fd, path);
  const inode = String(u64[4]!);
  if (rare().fstatfs(fd.number, statfs) < 0) throw failure("fstatfs", path);
  const fsid = BigInt.asUintN(64, statfs[7]!);
  const known = uuidOf(fd);
  return {
    ...mountLine(mount),
    ...(known !== undefined && { uuid: known }),
    ...(isStable(fsid, major, minor) && { fsid: fsid.toString(16) }),
    type: BigInt.asUintN(32, statfs[0]!).toString(16),
    device: `${major}:${minor}`,
    inode,
  };
}

/** Some file systems have no number, others take the one of the device, which a reboot may change. */
function isStable(fsid: bigint, major: number, minor: number): boolean {
  const device = BigInt(minor & 0xff) | BigInt(major) << 8n | BigInt(minor & ~0xff) << 12n;
  // Below 2^16 it is a counter of anonymous devices.
  return fsid > 0xffffn && fsid !== device && fsid !== BigInt.asUintN(32, device);
}

function uuidOf(fd: Fd): string | undefined {
  uuid.fill(0);
  if (rare().ioctl(fd.number, FS_IOC_GETFSUUID, uuid) < 0) return undefined;
  const bytes = uuid.subarray(1, 1 + Math.min(uuid[0]!, 16));
  if (bytes.every((byte) => byte === 0)) return undefined;
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function mountLine(mount: number): Pick<DirectoryPlace, "mountPoint" | "source"> {
  if (mount === 0) return {};
  const start = `${mount} `;
  for (const line of mounts()) if (line.startsWith(start)) return parseMount(line);
  return {};
}

/**
 * One line of /proc/self/mountinfo: `27 1 254:0 /sub /mnt rw shared:1 - ext4 /dev/sda1 rw`; blanks and
 * backslashes in names are octal.
 */
export function parseMount(line: string): Pick<DirectoryPlace, "mountPoint" | "source"> {
  const [mount = "", system = ""] = line.split(" - ", 2);
  const [, , , directory, mountPoint] = mount.split(" ");
  const [type, source] = system.split(" ");
  if (mountPoint === undefined || source === undefined) return {};
  return {
    mountPoint: unescapeOctal(mountPoint),
    source: `${type} ${unescapeOctal(source)} ${unescapeOctal(directory ?? "")}`,
  };
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
}

/** Nothing where /proc is not mounted. */
function mounts(): string[] {
  try {
    using file = openAt("/proc/self/mountinfo", { flags: O_RDONLY });
    let text = "";
    const piece = new Uint8Array(65_536);
    for (let n = -1; n !== 0 && text.length < MOUNTS_MAX_BYTES;) {
      n = readSome(file, piece, "/proc/self/mountinfo");
      text += fromBytes(piece.subarray(0, n));
    }
    return text.split("\n");
  } catch (error) {
    if (error instanceof OsError) return [];
    throw error;
  }
}
