import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { fromBytes, sameFingerprint, toBytes } from "../model/mod.ts";
import { directory, fifo, link, tree } from "../../tests/support/tree.ts";
import { openAt } from "./directory.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } from "./flags.ts";
import { truncate } from "./content.ts";
import { closeLookAt, closeLookOf, entryAt, entryOf, readLink } from "./stat.ts";
import { meddlesAt } from "../../tests/support/fault.ts";

const DIRECTORY = O_PATH | O_DIRECTORY;

Deno.test("entryAt() agrees with find -printf on every kind, odd names and odd times", () => {
  using t = tree({
    F: { data: "12345", mode: 0o4755, uid: 4294967294, gid: 123456, mtime: 1234567890123456789n },
    "old": { data: "", mtime: -1n },
    "older": { data: "", mtime: -86_400_000_000_001n },
    "far": { data: "", mtime: 9_999_999_999_000_000_001n },
    "D/": directory({ mode: 0o1777 }),
    L: link("some\xffwhere\n"),
    "fifo": fifo({ mode: 0o600 }),
    "null": { kind: "chr", rdev: 259 },
    "disk": { kind: "blk", rdev: (70_000 & 0xff) | (259 << 8) | ((70_000 & ~0xff) << 12) },
    "caf\xe9 \n\x01": "raw",
    ["n".repeat(255)]: "long",
  });
  using dir = openAt(t.path, { flags: DIRECTORY });
  let seen = 0;
  for (const line of found(t.path)) {
    const [name, kind, mode, uid, gid, size, mtime, target] = line as string[];
    const entry = entryAt(dir, name!);
    ok(entry.kind !== "absent");
    seen++;
    equal(entry.kind, KINDS[kind!]);
    equal(entry.meta.mode & 0o7777, parseInt(mode!, 8));
    equal(String(entry.meta.uid), uid);
    equal(String(entry.meta.gid), gid);
    equal(entry.meta.mtime, parseTime(mtime!), name);
    if (entry.kind === "reg") equal(String(entry.size), size);
    if (entry.kind === "lnk") equal(entry.target, target);
  }
  equal(seen, 11);
  equal(device(entryAt(dir, "null")), 259);
  equal(device(entryAt(dir, "disk")), 0x11110370);
});

const KINDS: Record<string, string> = {
  f: "reg",
  d: "dir",
  l: "lnk",
  p: "fifo",
  c: "chr",
  b: "blk",
};

function device(entry: ReturnType<typeof entryAt>): number | undefined {
  return entry.kind === "chr" || entry.kind === "blk" ? entry.rdev : undefined;
}

function found(path: string): string[][] {
  const { stdout } = new Deno.Command("find", {
    args: [path, "-mindepth", "1", "-printf", "%f\\0%y\\0%m\\0%U\\0%G\\0%s\\0%T@\\0%l\\0"],
  }).outputSync();
  const fields = fromBytes(stdout).split("\0");
  return Array.from(
    { length: Math.floor(fields.length / 8) },
    (_, i) => fields.slice(8 * i, 8 * i + 8),
  );
}

/** find prints the seconds rounded down and ten digits of the fraction, also before 1970. */
function parseTime(text: string): bigint {
  const [seconds = "", fraction = ""] = text.split(".");
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9));
}

Deno.test("entryAt() knows sizes above 4 GiB, and sockets", () => {
  using t = tree({ F: "" });
  {
    using file = openAt(t.join("F"), { flags: 1 });
    truncate(file, 2 ** 40 + 5, "F");
  }
  using server = Deno.listen({ transport: "unix", path: t.join("S") });
  ok(server);
  using dir = openAt(t.path, { flags: DIRECTORY });
  const big = entryAt(dir, "F");
  equal(big.kind === "reg" && big.size, 2 ** 40 + 5);
  equal(entryAt(dir, "S").kind, "sock");
});

Deno.test("entryAt() is Absent only for ENOENT and ENOTDIR", () => {
  using t = tree({ F: "" });
  using dir = openAt(t.path, { flags: DIRECTORY });
  deepEqual(entryAt(dir, "no"), { kind: "absent", because: "leaf" });
  deepEqual(entryAt(dir, "F/x"), { kind: "absent", because: "parent", errno: "ENOTDIR" });
  throws(() => entryAt(dir, "n".repeat(256)), { code: "os/ENAMETOOLONG" });
  throws(() => entryAt(dir, "n".repeat(5000)), { code: "os/ENAMETOOLONG" });
  throws(() => entryAt(dir, "F\0"), { code: "os/EINVAL" });
  throws(() => entryAt(dir, "\u0146"), { code: "os/EINVAL" });
});

Deno.test("entryAt() looks again when a link changes between stat and readlink", async () => {
  using t = tree({ L: link("a") });
  using dir = openAt(t.path, { flags: DIRECTORY });
  const { value } = await meddlesAt(0, () => entryAt(dir, "L"), {
    only: (call) => call === "readlinkat",
    meddle: () => t.make({ L: "now a file" }),
  });
  equal(value?.kind, "reg");
});

Deno.test("readLink() gives the whole target, and undefined where no link is", () => {
  const long = "t".repeat(4095);
  using t = tree({ L: link(long), F: "" });
  using dir = openAt(t.path, { flags: DIRECTORY });
  equal(readLink(dir, "L"), long);
  equal(readLink(dir, "F"), undefined);
  equal(readLink(dir, "no"), undefined);
});

Deno.test("closeLookAt() and closeLookOf() give the same fingerprint until something changes", () => {
  using t = tree({ F: "one", L: link("F") });
  using dir = openAt(t.path, { flags: DIRECTORY });
  using file = openAt(t.join("F"), { flags: O_RDONLY });
  const first = closeLookAt(dir, "F").fingerprint!;
  ok(sameFingerprint(first, closeLookOf(file, "F").fingerprint));
  const { dev, ino, size } = Deno.statSync(t.join("F"));
  deepEqual([first.dev, first.ino, first.size], [BigInt(dev), BigInt(ino!), size]);
  Deno.chmodSync(t.join("F"), 0o600);
  ok(!sameFingerprint(first, closeLookAt(dir, "F").fingerprint!));
  using held = openAt("L", { dir, flags: O_PATH | O_NOFOLLOW });
  const { entry } = closeLookOf(held, "L");
  equal(entry.kind === "lnk" && entry.target, "F");
  equal(entryOf(held, "L").kind, "lnk");
  equal(toBytes("F").length, 1);
});
