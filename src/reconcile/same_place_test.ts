import assert from "node:assert/strict";
import type { DirectoryPlace, DiskPath } from "../model/mod.ts";
import { type PlaceVerdict, samePlace } from "./same_place.ts";

const EXT4: DirectoryPlace = {
  mountPoint: "/data",
  source: "ext4 /dev/sdb1 /",
  uuid: "aa",
  fsid: "1f",
  type: "ef53",
  device: "8:17",
  inode: "2",
};
const XFS: DirectoryPlace = {
  mountPoint: "/data",
  source: "xfs /dev/sdb1 /",
  type: "58465342",
  device: "8:17",
  inode: "128",
};
const NFS: DirectoryPlace = {
  mountPoint: "/data",
  source: "nfs4 host:/export /",
  type: "6969",
  device: "0:45",
  inode: "7",
};
/** A directory of the system's disk, as containers have them. */
const VOLUME = changed(EXT4, { source: "ext4 /dev/sda1 /volumes/1" });
const TMPFS: DirectoryPlace = { ...NFS, source: "tmpfs tmpfs /", type: "1021994" };
const BOX: DirectoryPlace = { ...NFS, source: "9p share /", type: "1021997" };

type Changes = { readonly [K in keyof DirectoryPlace]?: DirectoryPlace[K] | undefined };

/** Absent and undefined mean the same. */
function changed(was: DirectoryPlace, changes: Changes): DirectoryPlace {
  const fields = Object.entries({ ...was, ...changes }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(fields) as unknown as DirectoryPlace;
}

const ROWS: readonly (readonly [string, DirectoryPlace, Changes, PlaceVerdict])[] = [
  ["nothing has changed", EXT4, {}, "same"],
  ["the disk got another number and name", EXT4, {
    device: "8:33",
    source: "ext4 /dev/sdc1 /",
  }, "same"],
  ["the directory was replaced on the same disk", EXT4, { inode: "99" }, "same"],
  ["the disk is not mounted", EXT4, {
    mountPoint: "/",
    source: "ext4 /dev/sda1 /",
    uuid: "bb",
    fsid: "2f",
    device: "8:1",
    inode: "77",
  }, "other"],
  ["another disk is mounted", EXT4, { uuid: "bb", fsid: "2f" }, "other"],
  ["another disk has the same number", EXT4, { uuid: "bb" }, "other"],
  ["an older kernel tells no UUID", EXT4, { uuid: undefined }, "same"],
  ["an older kernel tells no UUID of another disk", EXT4, {
    uuid: undefined,
    fsid: "2f",
  }, "other"],
  ["a disk was mounted over it", changed(EXT4, { mountPoint: "/" }), {
    mountPoint: "/data",
    uuid: "bb",
    fsid: "2f",
  }, "other"],
  ["a service sees it through a mount of its own", changed(EXT4, { mountPoint: "/" }), {
    mountPoint: "/data",
    source: "ext4 /dev/sdb1 /data",
  }, "same"],
  ["another directory of the same disk was mounted there before", EXT4, {
    mountPoint: "/",
    inode: "3",
  }, "other"],
  ["/proc is not there", EXT4, { mountPoint: undefined, source: undefined }, "same"],
  ["without UUID: the device has another name and number", XFS, {
    source: "xfs /dev/sdc1 /",
    device: "8:33",
  }, "unsure"],
  ["without UUID: another number only", XFS, { device: "253:3" }, "same"],
  ["without UUID: not mounted", XFS, {
    mountPoint: "/",
    source: "xfs /dev/sda1 /",
    device: "8:1",
  }, "other"],
  ["without UUID: another type", XFS, { type: "ef53" }, "other"],
  ["without UUID and /proc: another number", XFS, {
    mountPoint: undefined,
    source: undefined,
    device: "8:33",
  }, "unsure"],
  ["another volume of the same disk", VOLUME, {
    source: "ext4 /dev/sda1 /volumes/2",
    inode: "3",
  }, "unsure"],
  ["a subvolume, which all have the same inode", VOLUME, {
    source: "ext4 /dev/sda1 /volumes/2",
  }, "unsure"],
  ["another subvolume of the same name", VOLUME, { fsid: "2f" }, "unsure"],
  ["a volume that was made anew", VOLUME, { inode: "3" }, "unsure"],
  ["a volume on a disk with another name", VOLUME, {
    source: "ext4 /dev/sdb1 /volumes/1",
    device: "8:33",
  }, "same"],
  ["a share got another number", NFS, { device: "0:51" }, "same"],
  ["another share", NFS, { source: "nfs4 host:/other /" }, "other"],
  ["a tmpfs without a number of its own", TMPFS, {}, "unsure"],
  ["a tmpfs with another number of its own", changed(TMPFS, { fsid: "8888888" }), {
    fsid: "9999999",
  }, "other"],
  ["a name that says nothing, same number", BOX, {}, "same"],
  ["a name that says nothing, another number", BOX, { device: "0:99" }, "unsure"],
];
for (const [name, was, changes, want] of ROWS) {
  Deno.test(`D 7.3.2 samePlace(): ${name}: ${want}`, () => {
    assert.equal(samePlace(was, changed(was, changes), { path: "/data" as DiskPath }), want);
  });
}
