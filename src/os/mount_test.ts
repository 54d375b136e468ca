import { deepEqual, equal, match } from "node:assert/strict";
import { tree } from "../../tests/support/tree.ts";
import { openAt } from "./directory.ts";
import { O_DIRECTORY, O_PATH, O_RDONLY } from "./flags.ts";
import { mountNumbers, parseMount, placeOf } from "./mount.ts";

Deno.test("placeOf() says what findmnt and stat say", () => {
  using t = tree({ "d/": {} });
  const path = t.join("d");
  using dir = openAt(path, { flags: O_RDONLY | O_DIRECTORY });
  const place = placeOf(dir, path);
  const output = (program: string, ...args: string[]) =>
    new TextDecoder().decode(new Deno.Command(program, { args }).outputSync().stdout).trim();
  const [target, source, type] = output("findmnt", "-nro", "TARGET,SOURCE,FSTYPE", "-T", path)
    .split(" ");
  equal(place.mountPoint, target);
  // A bind mount has its directory in brackets.
  equal(place.source?.split(" ").slice(0, 2).join(" "), `${type} ${source!.replace(/\[.*/, "")}`);
  const [device, inode, magic] = output("stat", "-c", "%Hd:%Ld %i", path).split(" ")
    .concat(output("stat", "-fc", "%t", path));
  deepEqual([place.device, place.inode, place.type], [device, inode, magic]);
});

Deno.test("placeOf() of a path descriptor is the same without a UUID", () => {
  using t = tree();
  using readable = openAt(t.path, { flags: O_RDONLY | O_DIRECTORY });
  using bare = openAt(t.path, { flags: O_PATH | O_DIRECTORY });
  const { uuid: _, ...known } = placeOf(readable, t.path);
  deepEqual(placeOf(bare, t.path), known);
});

Deno.test("placeOf() tells no number that is made of the device or of a counter", () => {
  using proc = openAt("/proc", { flags: O_RDONLY | O_DIRECTORY });
  const place = placeOf(proc, "/proc");
  equal(place.fsid, undefined);
  equal(place.mountPoint, "/proc");
  match(place.device, /^0:\d+$/);
});

Deno.test("mountNumbers() differ where another file system is mounted", () => {
  using root = openAt("/", { flags: O_PATH | O_DIRECTORY });
  using proc = openAt("/proc", { flags: O_PATH | O_DIRECTORY });
  const here = mountNumbers(root, "/"), there = mountNumbers(proc, "/proc");
  equal(here.minor === there.minor && here.major === there.major, false);
  equal(here.mount === there.mount, false);
});

for (
  const [line, mountPoint, source] of [
    ["27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard", "/", "ext4 /dev/vda /"],
    [
      "40 27 0:41 /sub /mnt/a\\040b\\134c rw - btrfs /dev/sd\\011x rw",
      "/mnt/a b\\c",
      "btrfs /dev/sd\tx /sub",
    ],
    ["41 27 0:42 / /n rw master:1 propagate_from:2 - nfs4 h:/e rw,x=- y", "/n", "nfs4 h:/e /"],
    ["42 27 0:43 / /caf\xe9 rw - tmpfs none rw", "/caf\xe9", "tmpfs none /"],
    ["", undefined, undefined],
    ["43 27 0:43 / /x rw", undefined, undefined],
  ] as const
) {
  Deno.test(`parseMount() of "${line}"`, () => {
    const { mountPoint: where, source: what } = parseMount(line);
    deepEqual([where, what], [mountPoint, source]);
  });
}
