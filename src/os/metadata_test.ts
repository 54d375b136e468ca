import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { nanos } from "../model/mod.ts";
import { failsAt } from "../../tests/support/fault.ts";
import { fifo, link, modeOf, tree } from "../../tests/support/tree.ts";
import { openAt } from "./directory.ts";
import { ERRNO, type ErrnoName } from "./errno.ts";
import { type Fd } from "./fd.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, O_RDWR } from "./flags.ts";
import { changing, errnoView } from "./libc.ts";
import {
  diskRoom,
  type Owner,
  setModeByProc,
  setModeHeld,
  setModeOf,
  setOwnerHeld,
  setOwnerOf,
  setTimeByProc,
  setTimeHeld,
  setTimeOf,
  sync,
  syncAside,
  syncFileSystem,
  syncFileSystemAside,
} from "./metadata.ts";
import { entryAt } from "./stat.ts";

const hold = (dir: Fd, leaf: string) => openAt(leaf, { dir, flags: O_PATH | O_NOFOLLOW });
const openDir = (path: string) => openAt(path, { flags: O_PATH | O_DIRECTORY });

for (const [name, setMode] of Object.entries({ setModeHeld, setModeByProc })) {
  const setModeAt = (dir: Fd, leaf: string, mode: number) => {
    using held = hold(dir, leaf);
    setMode(held, mode, leaf);
  };
  Deno.test(`${name}() changes the object itself and refuses links`, () => {
    using t = tree({ F: "", "D/": "", P: fifo(), C: { kind: "chr", rdev: 259 }, L: link("F") });
    using dir = openDir(t.path);
    for (const [leaf, kind] of [["F", "reg"], ["D", "dir"], ["P", "fifo"], ["C", "chr"]] as const) {
      setModeAt(dir, leaf, 0o2751);
      const entry = entryAt(dir, leaf);
      equal(entry.kind !== "absent" && entry.meta.mode, modeOf(kind, 0o2751), leaf);
    }
    throws(() => setModeAt(dir, "L", 0o600), { code: "os/EOPNOTSUPP" });
    const F = entryAt(dir, "F");
    equal(F.kind === "reg" && F.meta.mode, modeOf("reg", 0o2751));
  });
}

Deno.test("setOwnerHeld() leaves parts alone and never follows a link", () => {
  using t = tree({ F: "", L: link("F") });
  using dir = openDir(t.path);
  const owner = (leaf: string) => {
    const entry = entryAt(dir, leaf);
    return entry.kind === "absent" ? undefined : [entry.meta.uid, entry.meta.gid];
  };
  const setOwner = (leaf: string, to: Owner) => {
    using held = hold(dir, leaf);
    setOwnerHeld(held, to, leaf);
  };
  setOwner("F", { uid: 4_000_000_000, gid: undefined });
  setOwner("F", { uid: undefined, gid: 17 });
  setOwner("L", { uid: 5, gid: 6 });
  deepEqual([owner("F"), owner("L")], [[4_000_000_000, 17], [5, 6]]);
  using file = openAt("F", { dir, flags: O_RDWR });
  setOwnerOf(file, { uid: 7, gid: 8 }, "F");
  setModeOf(file, 0o4711, "F");
  deepEqual(owner("F"), [7, 8]);
  const F = entryAt(dir, "F");
  equal(F.kind === "reg" && F.meta.mode, modeOf("reg", 0o4711));
});

for (const [name, setTime] of Object.entries({ setTimeHeld, setTimeByProc })) {
  Deno.test(`${name}() sets nanoseconds of the object itself, before 1970 too`, () => {
    using t = tree({ F: "", L: link("F"), "D/": "" });
    using dir = openDir(t.path);
    const time = (leaf: string) => {
      const entry = entryAt(dir, leaf);
      return entry.kind === "absent" ? undefined : entry.meta.mtime;
    };
    for (const at of [0n, 1n, -1n, -1_000_000_001n, 1_700_000_000_123_456_789n].map(nanos)) {
      for (const leaf of ["L", "D"]) {
        using held = hold(dir, leaf);
        setTime(held, at, leaf);
      }
      deepEqual([time("L"), time("D")], [at, at]);
      ok(time("F") !== at);
    }
    using file = openAt("F", { dir, flags: O_RDWR });
    setTimeOf(file, nanos(-5n), "F");
    equal(time("F"), -5n);
    setTimeOf(file, nanos(1_600_000_000_000_000_000n), "F");
    equal(Deno.statSync(t.join("F")).atime?.getTime(), 1_600_000_000_000);
  });
}

Deno.test("sync() and syncFileSystem() pass on real failures only", async () => {
  using t = tree({ F: "" });
  using dir = openAt(t.path, { flags: O_RDONLY | O_DIRECTORY });
  sync(dir, ".");
  syncFileSystem(dir, ".");
  const cannot = await failsAt(0, () => sync(dir, "."), { errno: "EINVAL" });
  equal(cannot.error, undefined);
  const broken = await failsAt(0, () => sync(dir, "."), { errno: "EIO" });
  equal((broken.error as { code: string }).code, "os/EIO");
});

Deno.test("syncAside() tells every failure, also one that is told only once", async () => {
  using t = tree({ F: "" });
  using file = openAt(t.join("F"), { flags: O_RDWR });
  await syncAside(file, "F");
  for (const errno of ["EIO", "ENOSPC", "EINTR"] as const) {
    const once = await failsAt(0, () => syncAside(file, "F"), { errno });
    equal((once.error as { code: string }).code, "os/EIO", errno);
  }
  // Failing for good: the second call says why.
  for (
    const [errno, code] of [["EIO", "os/EIO"], ["EDQUOT", "os/EDQUOT"], [
      "EINVAL",
      undefined,
    ]] as const
  ) {
    const { error } = await failsAt(0, () => failing(() => syncAside(file, "F"), errno));
    equal((error as { code: string } | undefined)?.code, code, errno);
  }
});

/** Runs `work` while fsync(2) fails. */
async function failing(work: () => Promise<void>, errno: ErrnoName): Promise<void> {
  const calls = changing(), real = calls.fsync;
  calls.fsync = () => {
    errnoView()[0] = ERRNO[errno];
    return -1;
  };
  try {
    await work();
  } finally {
    calls.fsync = real;
  }
}

Deno.test("syncFileSystemAside() is true only when all is durable", async () => {
  using t = tree({ F: "" });
  using file = openAt(t.join("F"), { flags: O_RDWR });
  const isKnown = await syncFileSystemAside(file); // false before Linux 5.8
  const only = (call: string) => call === "syncfsAside";
  const { value, reached } = await failsAt(0, () => syncFileSystemAside(file), { only });
  equal(value, false);
  equal(reached, isKnown);
});

Deno.test("diskRoom() agrees with df", () => {
  using dir = openAt("/dev/shm", { flags: O_RDONLY | O_DIRECTORY });
  const { free, total } = diskRoom(dir, "/dev/shm");
  const { stdout } = new Deno.Command("df", {
    args: ["-B1", "--output=avail,size", "/dev/shm"],
  }).outputSync();
  const [avail = 0, size] = new TextDecoder().decode(stdout).split("\n")[1]!.trim().split(/ +/)
    .map(Number);
  equal(total, size);
  ok(Math.abs(free - avail) < 2 ** 30, `${free} and ${avail}`);
});
