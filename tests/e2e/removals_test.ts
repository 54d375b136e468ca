/**
 * D 7.3.2: removals that look like a fault never reach the peers. Real mounts in mount namespaces of the
 * hosts; each scenario between two of ours, and with Debian's csync2 on the other side.
 */
import assert from "node:assert/strict";
import type { ClusterOptions, Kind, Ran } from "../support/cluster.ts";
import { MountCluster } from "../support/mounts.ts";

const QUIET: Ran = { rc: 0, stdout: "", stderr: "" };
const GROUP = ["include @/data @/web;"];

type Play = (cluster: MountCluster) => Promise<void>;
interface Setting extends Partial<ClusterOptions> {
  /** Kinds of `b`. @default both */
  readonly peers?: readonly Kind[];
  /** For the name. @default {false} */
  readonly isReceiving?: boolean;
  /** Shell commands in both trees, before the first check. */
  readonly before?: string;
}

/** `a`, which is ours, has `data` on a disk; both hosts hold the same and know it; b serves. */
function scenario(
  name: string,
  { peers = ["ours", "c"], before = "", isReceiving = false, ...options }: Setting,
  play: Play,
) {
  for (const kind of peers) {
    const pair = isReceiving ? `${kind} -> ours` : `ours -> ${kind}`;
    Deno.test(`${pair}: D 7.3.2 ${name}`, async () => {
      await using cluster = await MountCluster.make({
        group: GROUP,
        nodes: { a: { kind: "ours" }, b: { kind } },
        ...options,
      });
      for (const node of ["a", "b"]) {
        if (node === "a") cluster.plug("a", "one", "data");
        cluster.inside(
          node,
          `mkdir -p data/d web; echo 1 > data/1; echo 2 > data/d/2; echo 3 > web/3; ${before}
           find . -exec touch -h -d @1400000000 {} +`,
        );
        assert.deepEqual(await cluster.run(node, "-cIr", "/"), QUIET);
      }
      await cluster.start("b");
      await play(cluster);
    });
  }
}

const all = ["data/", "data/1", "data/d/", "data/d/2", "web/", "web/3"];
const marks = async (cluster: MountCluster, node = "a") =>
  (await cluster.run(node, "-M")).stdout.trimEnd().split("\n").filter((line) => line !== "")
    .map((line) => line.split("\t").at(-1)!.slice(cluster.mount.length + 1));
const lines = ({ stderr }: Ran, cluster: MountCluster) =>
  stderr.replaceAll(`${cluster.mount}/`, "@/").trimEnd().split("\n");

const UNMOUNTED =
  /^ERROR: @\/data lies on another file system than recorded \(was tmpfs none on @\/data, is .*\): 3 recorded names at and below it are held, not removed at the peers\. Mount or restore it; if the peers are to fill it again: csync2 -cIr --allow-removals @\/data; if it was removed on purpose: csync2 -cr --allow-removals @\/data$/;

scenario("a disk that is not mounted removes nothing, the rest goes on", {}, async (cluster) => {
  const known = await cluster.run("a", "-L");
  cluster.unplug("a", "data");
  cluster.inside("a", "echo new > web/4; rm web/3");
  const ran = await cluster.run("a", "-x");
  assert.equal(ran.rc, 1);
  const [first = "", ...rest] = lines(ran, cluster);
  assert.match(first, UNMOUNTED);
  assert.deepEqual(rest, ["Finished with 1 errors."]);
  assert.deepEqual(cluster.files("b"), [...all.slice(0, -1), "web/4"]);
  assert.deepEqual(await marks(cluster), []);
  cluster.plug("a", "one", "data");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.deepEqual(cluster.files("b"), [...all.slice(0, -1), "web/4"]);
  const after = await cluster.run("a", "-L");
  const ofData = ({ stdout }: Ran) => stdout.split("\n").filter((line) => line.includes("/data"));
  assert.deepEqual(ofData(after), ofData(known), "not one record has changed");
});

const GONE = (name: string, count: number) =>
  new RegExp(`^ERROR: @/${name} is gone: ${count} recorded names at and below it are held`);

scenario("an include root that is gone is held, and --allow-removals releases it", {
  before: "touch -d @1400000000 .",
}, async (cluster) => {
  cluster.inside("a", "rm -r web");
  for (const args of [["-x"], ["-cr", "/"], ["-cr", "@/web"], ["-cr", "@/web/3"]]) {
    const ran = await cluster.run("a", ...args);
    assert.equal(ran.rc, 1, args.join(" "));
    const count = args[1] === "@/web/3"
      ? /1 recorded name at and below it is held/
      : GONE("web", 2);
    assert.match(lines(ran, cluster)[0]!, count);
    assert.deepEqual(await marks(cluster), []);
  }
  assert.deepEqual(cluster.files("b"), all);
  assert.deepEqual(await cluster.run("a", "-cr", "--allow-removals", "@/web"), QUIET);
  assert.deepEqual(await marks(cluster), ["web", "web/3"]);
  assert.deepEqual(await cluster.run("a", "-u"), QUIET, "what was allowed is sent");
  assert.deepEqual(cluster.files("b"), all.slice(0, -2));
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
});

scenario("-x --allow-removals removes at once", {}, async (cluster) => {
  cluster.unplug("a", "data");
  assert.equal((await cluster.run("a", "-x", "--allow-removals")).rc, 0);
  assert.deepEqual(cluster.files("b"), ["data/", "web/", "web/3"], "the mount point is there");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
});

scenario("marks made before the disk went are held by -u", {}, async (cluster) => {
  cluster.inside("a", "rm data/1; echo new > data/new; echo more > web/3");
  assert.deepEqual(await cluster.run("a", "-cr", "/"), QUIET);
  cluster.unplug("a", "data");
  const dry = await cluster.run("a", "-ud");
  assert.equal(dry.rc, 1);
  const would = ["?H: @/data/1", "?H: @/data/new", "?M: @/web/3"];
  const shown = dry.stdout.replaceAll(`${cluster.mount}/`, "@/").replaceAll("b.demo          ", "");
  assert.deepEqual(shown.trimEnd().split("\n").sort(), would);
  const ran = await cluster.run("a", "-u");
  assert.equal(ran.rc, 1);
  assert.match(
    lines(ran, cluster)[0]!,
    /^ERROR: @\/data lies on another .*: 2 marked removals at and below it are held, not sent to b\.demo\. .*: csync2 -ur --allow-removals @\/data$/,
  );
  assert.deepEqual(cluster.files("b"), all, "nothing is removed");
  assert.equal(cluster.inside("b", "cat web/3"), "more\n", "the rest is sent");
  cluster.plug("a", "one", "data");
  assert.deepEqual(await cluster.run("a", "-u"), QUIET);
  const after = ["data/", "data/d/", "data/d/2", "data/new", "web/", "web/3"];
  assert.deepEqual(cluster.files("b"), after);
});

scenario("marks that the C program made while the disk was away are held", {
  peers: ["c"],
}, async (cluster) => {
  cluster.unplug("a", "data");
  cluster.inside("a", "chmod 700 data");
  const c = await cluster.runAs("c", "a", "-cr", "/");
  assert.equal(c.rc, 0, c.stderr);
  assert.deepEqual(await marks(cluster), ["data", "data/1", "data/d", "data/d/2"]);
  for (const why of ["lies on another file system .*", "is gone"]) {
    if (why === "is gone") cluster.inside("a", "rmdir data");
    const ran = await cluster.run("a", "-u");
    assert.equal(ran.rc, 1);
    assert.match(lines(ran, cluster)[0]!, new RegExp(`^ERROR: @/data ${why}: 4 marked `));
    assert.deepEqual(cluster.files("b"), all);
    assert.equal(
      cluster.inside("b", "stat -c %a data"),
      "755\n",
      "nor is the bare mount point sent",
    );
  }
  cluster.plug("a", "one", "data");
  assert.deepEqual(await cluster.run("a", "-u"), QUIET, "all is there again, and equal");
  assert.deepEqual(cluster.files("b"), all);
});

scenario(
  "records of the C program are enough to miss a root",
  { peers: ["c"] },
  async (cluster) => {
    cluster.inside("a", "rm -r web");
    // As if we had never run here.
    Deno.removeSync(`${cluster.base}/a/db/a.demo.db3`);
    cluster.inside("a", "mkdir web; echo 3 > web/3; touch -d @1400000000 web web/3");
    assert.equal((await cluster.runAs("c", "a", "-cIr", "/")).rc, 0);
    cluster.inside("a", "rm -r web");
    const ran = await cluster.run("a", "-x");
    assert.equal(ran.rc, 1);
    assert.match(lines(ran, cluster)[0]!, GONE("web", 2));
    assert.deepEqual(cluster.files("b"), all);
  },
);

scenario("another disk, even one with some of the files, is held", {}, async (cluster) => {
  cluster.unplug("a", "data");
  cluster.plug("a", "two", "data");
  cluster.inside("a", "echo 1 > data/1; touch -d @1400000000 data/1");
  const ran = await cluster.run("a", "-x");
  assert.equal(ran.rc, 1);
  assert.match(
    lines(ran, cluster)[0]!,
    /^ERROR: @\/data lies on another file system .*: 2 recorded/,
  );
  assert.ok(cluster.files("b").includes("data/d/2"));
});

scenario("a new disk with everything on it is taken without a word", {}, async (cluster) => {
  cluster.plug("a", "two", "spare");
  cluster.inside("a", "cp -a data/. spare; umount spare; umount data");
  cluster.plug("a", "two", "data");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  cluster.inside("a", "rm data/1");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET, "and its removals are removals");
  assert.ok(!cluster.files("b").includes("data/1"));
});

scenario("another part of the same disk is held when it is empty", {}, async (cluster) => {
  cluster.plug("a", "volumes", "spare");
  cluster.inside(
    "a",
    "cp -a data spare/v1; mkdir spare/v2; umount data; mount --bind spare/v1 data",
  );
  assert.deepEqual(await cluster.run("a", "-x"), QUIET, "a volume with everything on it");
  const again = ["umount data; rm -r spare/v1; mkdir spare/v1; mount --bind spare/v1 data"];
  for (const other of ["umount data; mount --bind spare/v2 data", ...again]) {
    cluster.inside("a", other);
    const ran = await cluster.run("a", "-x");
    assert.equal(ran.rc, 1);
    assert.match(
      lines(ran, cluster)[0]!,
      other.includes("v2")
        ? /other file system than recorded \(was tmpfs none\[\/v1\] on @\/data, is tmpfs none\[\/v2\] on/
        : /other file system than recorded \(another one of the same name, tmpfs none\[\/v1\] on @/,
    );
  }
  assert.deepEqual(cluster.files("b"), all);
});

scenario("a root that became a link is held", {}, async (cluster) => {
  cluster.inside("a", "mv web other; ln -s other web");
  const ran = await cluster.run("a", "-x");
  assert.equal(ran.rc, 1);
  assert.match(lines(ran, cluster)[0]!, /^ERROR: @\/web is no directory any more: 2 recorded/);
  assert.deepEqual(cluster.files("b"), all);
});

scenario("an emptied root on its own disk is a removal like any other", {}, async (cluster) => {
  cluster.inside("a", "rm -r data/* web/*");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.deepEqual(cluster.files("b"), ["data/", "web/"]);
});

scenario("a disk mounted below a root is missed like a root", {
  before: "mkdir -p web/sub",
}, async (cluster) => {
  cluster.plug("a", "inner", "web/sub");
  cluster.inside("a", "echo 5 > web/sub/5; echo 6 > web/sub/6");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  const full = [...all, "web/sub/", "web/sub/5", "web/sub/6"];
  assert.deepEqual(cluster.files("b"), full);
  cluster.unplug("a", "web/sub");
  cluster.inside("a", "rm web/3");
  const ran = await cluster.run("a", "-x");
  assert.equal(ran.rc, 1);
  assert.match(lines(ran, cluster)[0]!, /^ERROR: @\/web\/sub lies on another file system/);
  assert.deepEqual(cluster.files("b"), full.filter((name) => name !== "web/3"));
});

scenario("a single file as an include is removed, unless its disk is missing", {
  group: ["include @/data @/web @/etc/file @/data2/file;"],
  before: "mkdir -p etc data2; echo f > etc/file; echo f > data2/file",
}, async (cluster) => {
  cluster.inside("a", "rm etc/file");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.ok(!cluster.files("b").includes("etc/file"));
  cluster.plug("a", "files", "spare");
  cluster.inside("a", "cp -a data2/file spare; umount spare");
  cluster.plug("a", "files", "data2");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET, "now it lies on a disk of its own");
  cluster.unplug("a", "data2");
  cluster.inside("a", "rm data2/file");
  const ran = await cluster.run("a", "-x");
  assert.equal(ran.rc, 1);
  assert.match(
    lines(ran, cluster)[0]!,
    /^ERROR: @\/data2 lies on another file system .*: 1 recorded/,
  );
  assert.ok(cluster.files("b").includes("data2/file"));
});

scenario("a prefix directory that is gone is held", {
  group: ["include %p%;"],
  top: ["prefix p { on *: @/data; }"],
}, async (cluster) => {
  cluster.unplug("a", "data");
  for (const gone of [false, true]) {
    if (gone) cluster.inside("a", "rmdir data");
    const ran = await cluster.run("a", "-x");
    assert.equal(ran.rc, 1);
    assert.match(lines(ran, cluster)[0]!, gone ? GONE("data", 4) : UNMOUNTED);
    assert.deepEqual(cluster.files("b"), all);
  }
  assert.deepEqual(await cluster.run("a", "-x", "--allow-removals"), QUIET);
  assert.deepEqual(cluster.files("b"), ["web/", "web/3"]);
});

scenario(
  "an include that is taken out of the configuration removes nothing",
  {},
  async (cluster) => {
    cluster.inside("a", "rm -r web");
    cluster.configure("a", ["include @/data;"]);
    assert.deepEqual(await cluster.run("a", "-x"), QUIET);
    assert.deepEqual(cluster.files("b"), all);
    assert.equal((await cluster.run("a", "-R")).rc, 0);
    assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  },
);

scenario("hints wait for the disk", {}, async (cluster) => {
  cluster.unplug("a", "data");
  cluster.inside("a", "rm web/3");
  for (const name of ["@/data/1", "@/web/3"]) await cluster.run("a", "-h", name);
  assert.equal((await cluster.run("a", "-c")).rc, 1);
  const hints = await cluster.run("a", "-H");
  assert.equal(hints.stdout, `0\t${cluster.mount}/data/1\n`);
  assert.deepEqual(await marks(cluster), ["web/3"]);
  cluster.plug("a", "one", "data");
  assert.deepEqual(await cluster.run("a", "-cu"), QUIET);
  assert.equal((await cluster.run("a", "-H")).rc, 2);
  assert.deepEqual(cluster.files("b"), all.slice(0, -1));
});

scenario("-T and the lists do not care", {}, async (cluster) => {
  const commands = [["-T"], ["-L"], ["-M"], ["-S", "a.demo", "b.demo"]];
  const before = await Promise.all(commands.map((args) => cluster.run("a", ...args)));
  cluster.unplug("a", "data");
  cluster.inside("a", "rm -r web");
  const after = await Promise.all(commands.map((args) => cluster.run("a", ...args)));
  assert.deepEqual(after, before);
  assert.equal(before[0]!.rc, 2);
});

scenario("JSON tells what is held", { peers: ["ours"] }, async (cluster) => {
  cluster.unplug("a", "data");
  const { rc, stdout } = await cluster.run("a", "-x", "--json");
  assert.equal(rc, 1);
  const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const { text: _, ...held } = events.find(({ event }) => event === "removals-held");
  assert.deepEqual(held, {
    event: "removals-held",
    level: 0,
    isError: true,
    name: `${cluster.mount}/data`,
    path: `${cluster.mount}/data`,
    reason: "other-device",
    count: 3,
  });
});

/** The server of `a` is ours; `b` sends, either kind. */
function receiving(name: string, play: Play): void {
  scenario(name, { isReceiving: true }, async (cluster) => {
    await cluster.stop("b");
    await cluster.start("a");
    await play(cluster);
  });
}

receiving("the server takes nothing below a disk that is missing", async (cluster) => {
  cluster.unplug("a", "data");
  cluster.inside("b", "rm data/1; echo more > data/d/2; echo 4 > data/4; echo more > web/3");
  for (const gone of [false, true]) {
    if (gone) cluster.inside("a", "rmdir data");
    const ran = await cluster.run("b", "-xv");
    assert.equal(ran.rc, 1);
    const why = cluster.kind("b") === "c" // which tells no reasons
      ? /(File stays in dirty state[^]*){3}Finished with 3 errors/
      : /Directory .*\/data is missing or not mounted here\./;
    assert.match(ran.stderr, why);
    assert.deepEqual(await marks(cluster, "b"), ["data/1", "data/4", "data/d/2"]);
    assert.equal(cluster.inside("a", "cat web/3"), "more\n", "the rest is taken");
    const left = gone ? ["web/", "web/3"] : ["data/", "web/", "web/3"];
    assert.deepEqual(cluster.files("a"), left, "nothing is written below the mount point");
    assert.deepEqual(await marks(cluster, "a"), [], "nothing counts as removed");
  }
  cluster.plug("a", "one", "data");
  assert.equal((await cluster.run("b", "-u")).rc, 0);
  assert.deepEqual(cluster.files("a"), ["data/", "data/4", "data/d/", "data/d/2", "web/", "web/3"]);
  assert.equal(cluster.inside("a", "cat data/d/2"), "more\n");
  assert.equal((await cluster.run("a", "-x")).rc, 0);
});

receiving("a forced push does not get past a missing disk", async (cluster) => {
  cluster.unplug("a", "data");
  cluster.inside("b", "echo more > data/d/2");
  assert.equal((await cluster.run("b", "-cr", "/")).rc, 0);
  assert.equal((await cluster.run("b", "-fr", "/")).rc, 0);
  assert.equal((await cluster.run("b", "-u")).rc, 1);
  assert.deepEqual(cluster.files("a"), ["data/", "web/", "web/3"]);
  assert.deepEqual(await marks(cluster, "b"), ["data/d/2"]);
});

receiving("peers fill an empty disk again, and lose nothing by it", async (cluster) => {
  cluster.unplug("a", "data");
  cluster.plug("a", "two", "data");
  const fill = ["-cIr", "--allow-removals", "@/data"];
  assert.match(
    (await cluster.run("a", "-x")).stderr,
    /fill it again: csync2 -cIr --allow-removals \//,
  );
  assert.deepEqual(await cluster.run("a", ...fill), QUIET);
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.deepEqual(cluster.files("b"), all, "nothing is removed at the peers");
  await cluster.run("b", "-mr", "@/data");
  assert.equal((await cluster.run("b", "-u")).rc, 0);
  assert.deepEqual(cluster.files("a"), all);
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
});

receiving("a root that peers remove and make again is no fault", async (cluster) => {
  cluster.inside("b", "rm -r web");
  // The C program knows no such thing; ours has to be told.
  const allow = cluster.kind("b") === "c" ? [] : ["--allow-removals"];
  assert.equal((await cluster.run("b", "-x", ...allow)).rc, 0);
  assert.deepEqual(cluster.files("a"), all.slice(0, -2));
  for (const name of ["web", "web/new", "web/d"]) {
    cluster.inside("b", name.endsWith("new") ? `echo 1 > ${name}` : `mkdir ${name}`);
    assert.equal((await cluster.run("b", "-x")).rc, 0, name);
  }
  assert.deepEqual(cluster.files("a"), [...all.slice(0, -2), "web/", "web/d/", "web/new"]);
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
});

scenario(
  "-x --max-removals holds all removals of a run, and the rest goes on",
  {},
  async (cluster) => {
    cluster.inside("a", "rm -r data/*; echo 4 > web/4");
    for (const limit of ["2", "40%"]) {
      const ran = await cluster.run("a", "-x", "--max-removals", limit);
      assert.equal(ran.rc, 1);
      const of = limit === "2" ? "" : " of 7";
      const text =
        `ERROR: 3 recorded names${of} would be removed, more than --max-removals ${limit} ` +
        "allows: all removals are held, everything else goes on. If they are meant: run it again with a " +
        "higher limit or without it.";
      assert.deepEqual(lines(ran, cluster), [text, "Finished with 1 errors."]);
      assert.deepEqual(cluster.files("b"), [...all, "web/4"]);
      assert.deepEqual(await marks(cluster), []);
    }
    assert.deepEqual(await cluster.run("a", "-x", "--max-removals=3"), QUIET);
    assert.deepEqual(cluster.files("b"), ["data/", "web/", "web/3", "web/4"]);
  },
);

scenario("-u --max-removals holds the removals of a peer", {}, async (cluster) => {
  cluster.inside("a", "rm -r data/*; echo more > web/3");
  assert.deepEqual(await cluster.run("a", "-cr", "/"), QUIET);
  for (const limit of ["2", "49%"]) {
    const ran = await cluster.run("a", "-u", "--max-removals", limit);
    assert.equal(ran.rc, 1);
    assert.match(
      lines(ran, cluster)[0]!,
      /^ERROR: 3 names( of 6)? would be removed at b\.demo, more/,
    );
    assert.deepEqual(cluster.files("b"), all);
    assert.equal(cluster.inside("b", "cat web/3"), "more\n");
  }
  const dry = await cluster.run("a", "-ud", "--max-removals", "2");
  assert.equal(dry.stdout.match(/^\?H: b\.demo /gm)?.length, 3);
  assert.deepEqual(await cluster.run("a", "-u", "--max-removals", "50%"), QUIET);
  assert.deepEqual(cluster.files("b"), ["data/", "web/", "web/3"]);
});

Deno.test("D 7.3.17 --one-file-system leaves what lies on other file systems alone", async () => {
  await using cluster = await MountCluster.make({
    group: ["include @/data @/data/fs/own;"],
    nodes: { a: { kind: "ours" }, b: { kind: "ours" } },
  });
  cluster.inside("a", "mkdir -p data/fs data/d; echo 1 > data/d/1");
  cluster.plug("a", "other", "data/fs");
  cluster.inside(
    "a",
    "mkdir -p data/fs/own/x data/fs/sub; echo 2 > data/fs/2; echo 3 > data/fs/own/3",
  );
  const records = async () =>
    (await cluster.run("a", "-L")).stdout.trimEnd().split("\n")
      .map((line) => line.split("\t").at(-1)!.slice(cluster.mount.length + 1)).sort();
  const one = "--one-file-system";
  assert.deepEqual(await cluster.run("a", "-cr", one, "/"), QUIET);
  const own = [
    "data",
    "data/d",
    "data/d/1",
    "data/fs",
    "data/fs/own",
    "data/fs/own/3",
    "data/fs/own/x",
  ];
  assert.deepEqual(await records(), own, "a root of its own is checked");
  for (const args of [["-cr", one, "@/data/fs/sub"], ["-c", one, "@/data/fs/2"]]) {
    assert.deepEqual(await cluster.run("a", ...args), QUIET);
    assert.deepEqual(await records(), own, "named directly too");
  }
  assert.deepEqual(await cluster.run("a", "-cr", "/"), QUIET);
  const full = [...own, "data/fs/2", "data/fs/sub"].sort();
  assert.deepEqual(await records(), full);
  cluster.inside("a", "rm data/fs/2 data/d/1");
  for (const args of [["-cr", one, "/"], ["-c", one, "@/data/fs/2"], ["-cr", one, "@/data/fs"]]) {
    assert.deepEqual(await cluster.run("a", ...args), QUIET);
    const known = full.filter((name) => name !== "data/d/1");
    assert.deepEqual(await records(), known, "what vanished there has not vanished");
  }
  assert.deepEqual(await cluster.run("a", "-cr", "/"), QUIET);
  assert.ok(!(await records()).includes("data/fs/2"));
  cluster.unplug("a", "data/fs");
  cluster.plug("a", "third", "data/fs");
  cluster.inside("a", "mkdir data/fs/own");
  await cluster.run("a", "-cr", one, "/");
  assert.equal((await cluster.run("a", "-cr", "/")).rc, 1, "a disk nobody looked at is not taken");
  assert.ok((await records()).includes("data/fs/sub"));
});

for (const kind of ["ours", "c"] as const) {
  Deno.test(`${kind} -> ours: D 7.2.11 --create-parents makes the directories above`, async () => {
    await using cluster = await MountCluster.make({
      group: ["include @/opt/app/conf/a.conf @/opt/app/conf/b @/inc;"],
      nodes: { a: { kind }, b: { kind: "ours" } },
    });
    cluster.inside(
      "a",
      "mkdir -p opt/app/conf/b inc/d; echo 1 > opt/app/conf/a.conf; echo 2 > inc/d/2",
    );
    cluster.inside("b", "mkdir opt; chown 12:34 opt; chmod 2775 opt");
    await cluster.start("b");
    await cluster.run("a", "-x"); // the C program takes it for success
    const without = ["inc/", "inc/d/", "inc/d/2", "opt/"];
    assert.deepEqual(cluster.files("b"), without, "not without the option");
    await cluster.stop("b");
    await cluster.start("b", ["--create-parents"]);
    const ran = await cluster.run("a", "-u");
    assert.equal(ran.rc, 0, ran.stderr);
    assert.deepEqual(cluster.files("b"), cluster.files("a"));
    const made = cluster.inside(
      "b",
      "stat -c '%a %u:%g' opt/app opt/app/conf; cat opt/app/conf/a.conf",
    );
    assert.equal(
      made,
      "2755 12:34\n2755 12:34\n1\n",
      "like the directory above, but nobody else writes",
    );
    assert.equal((await cluster.run("a", "-T")).rc, 2, "in sync");
  });
}
