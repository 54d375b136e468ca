/**
 * The recorded pairs of 2.0 and 2.1.1, with our program in the place of each side. Of 2.1.1 there is no
 * program here: it is spoken by hand, as the transcripts have it.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { DEVIATIONS } from "../golden/deviations.ts";
import { load } from "../golden/steps.ts";
import { Cluster, type Kind } from "../support/cluster.ts";
import { caller, FakeServer } from "../support/raw_peer.ts";
import { literal } from "../support/serving.ts";

interface MixedCase {
  readonly name: string;
  readonly rc: number;
  readonly stderr: string;
  readonly dirty_after: string[];
  readonly b_f_exists: boolean;
  readonly b_f_mtime_ns: number | null;
}
interface MixedCases {
  readonly mixed_versions: MixedCase[];
  readonly upgrade: { readonly dirty_after_first_check_with_2_1_1_on_a_2_0_database: string[] };
}

/** What a pair of programs does: the fields of the recording. */
type Seen = Omit<MixedCase, "name">;

const GOLDEN = load<MixedCases>("fork-2.1.1");
const MTIME_NS = 1_600_000_000_000_000_000n;
const CONTENT = "1\n";
const MAKE_F = `printf '1\\n' > f && touch -d @1600000000 f`;

function clusterOf(a: Kind, b: Kind): Cluster {
  return new Cluster({
    nodes: { a: { kind: a }, b: { kind: b } },
    group: ["include %p%;"],
    top: ["prefix p { on *: @; }"],
  });
}

/** Names that the client still has to send. */
async function dirtyAfter(cluster: Cluster): Promise<string[]> {
  const { stdout } = await cluster.run("a", "-M");
  return stdout.split("\n").filter((line) => line !== "").map((line) => line.split("\t")[3]!);
}

/** Two real programs. */
async function between(client: Kind, server: Kind): Promise<Seen> {
  await using cluster = clusterOf(client, server);
  cluster.change("a", MAKE_F);
  await cluster.run("b", "-cIr", "/");
  await cluster.run("a", "-cr", "/");
  await cluster.start("b");
  const { rc, stderr } = await cluster.run("a", "-u");
  await cluster.stop("b");
  const line = / (\d+)\.(\d+) \.\/f$/m.exec(cluster.dump("b", { time: "nanos" }));
  return {
    rc,
    stderr,
    dirty_after: await dirtyAfter(cluster),
    b_f_exists: line !== null,
    b_f_mtime_ns: line && Number(line[1]! + line[2]!.slice(0, 9)),
  };
}

/** Our client, and a server that answers as 2.1.1 does. */
async function ourClientAnd211(): Promise<Seen> {
  await using cluster = clusterOf("ours", "ours");
  cluster.change("a", MAKE_F);
  await cluster.run("a", "-cr", "/");
  const files = new Map<string, { mtime: bigint; content: string }>();
  let name = "";
  await using _server = await FakeServer.start(cluster, (said) => {
    const [word, , path = "", , , , mtime = ""] = said.replace(/^\0/, "").split(" ");
    switch (word) {
      case "ATOMICPATCH":
        if (path === "") return "Dear 127.2.2.1, please identify first.\n";
        name = path;
        files.set(name, { mtime: BigInt(mtime), content: "" });
        return "OK (send_data).\noctet-stream 12\nrs\x01\x36\0\0\x08\0\0\0\0\x08";
      case "SIG":
        return path.endsWith("/f")
          ? "OK (path_not_found).\n---\noctet-stream 0\nOK (cmd_finished).\n"
          : "OK (data_follows).\nv1:mode=16877:uid=0:gid=0:type=dir\noctet-stream 0\nOK (cmd_finished).\n";
      case "octet-stream":
        return "";
      case "BYE":
        return "OK (cu_later).\n";
      case "CSYNC3":
        return "Unkown command!\n";
      default:
        if (!said.startsWith("rs\x02\x36")) return "OK (cmd_finished).\n";
        files.get(name)!.content = `${said.slice(said.indexOf(CONTENT.trim()))}\n`;
        return "OK (cmd_finished).\n";
    }
  });
  const { rc, stderr } = await cluster.run("a", "-u");
  const file = files.get("%25p%25/f");
  assert.ok(file === undefined || file.content === CONTENT, file?.content);
  return {
    rc,
    stderr,
    dirty_after: await dirtyAfter(cluster),
    b_f_exists: file !== undefined,
    b_f_mtime_ns: file === undefined ? null : Number(file.mtime),
  };
}

/** A client that speaks as 2.1.1 does, and our server. */
async function client211AndOurs(): Promise<Seen> {
  await using cluster = clusterOf("ours", "ours");
  await cluster.start("b");
  await using client = await caller(cluster);
  await client.expect("CONFIG ", "OK (cmd_finished).");
  await client.expect("HELLO a.demo", "OK (cmd_finished).");
  await client.expect(`SIG ${client.key} %25p%25/f`, "OK (path_not_found).");
  assert.equal(await client.line(), "---");
  await client.stream();
  assert.equal(await client.line(), "OK (cmd_finished).");
  const put = await client.patch("%25p%25/f", literal(CONTENT), ` 0 0 33188 ${MTIME_NS}`);
  await client.expect("BYE", "OK (cu_later).");
  const isDone = put === "OK (cmd_finished).";
  const line = / (\d+)\.(\d+) \.\/f$/m.exec(cluster.dump("b", { time: "nanos" }));
  return {
    rc: isDone ? 0 : 1,
    stderr: isDone ? "" : "Finished with 1 errors.\n",
    dirty_after: isDone ? [] : ["%p%/f"],
    b_f_exists: line !== null,
    b_f_mtime_ns: line && Number(line[1]! + line[2]!.slice(0, 9)),
  };
}

/** The pairs in which ours stands for a side of the recorded one, and the recorded one where it can be run. */
const PAIRS: Readonly<Record<string, Readonly<Record<string, () => Promise<Seen>>>>> = {
  "2.0 client, 2.0 server": {
    "the recorded pair": () => between("c", "c"),
    "our client": () => between("ours", "c"),
    "our server": () => between("c", "ours"),
    "both ours": () => between("ours", "ours"),
  },
  "2.1.1 client, 2.1.1 server": {
    "our client": ourClientAnd211,
    "our server": client211AndOurs,
  },
  "2.0 client, 2.1.1 server": {
    "our client": ourClientAnd211,
    "our server": () => between("c", "ours"),
  },
  "2.1.1 client, 2.0 server": {
    "our client": () => between("ours", "c"),
    "our server": client211AndOurs,
  },
};

for (const [at, { name, ...want }] of GOLDEN.mixed_versions.entries()) {
  for (const [which, run] of Object.entries(PAIRS[name]!)) {
    Deno.test(`golden fork-2.1.1/mixed_versions: ${name}: ${which}`, async () => {
      const ours = which === "the recorded pair"
        ? undefined
        : DEVIATIONS[`fork-2.1.1/mixed_versions#${at}`];
      const stat = ours?.stat as { exists?: boolean; mtime_ns?: string } | undefined;
      assert.deepEqual(await run(), {
        rc: ours?.rc ?? want.rc,
        stderr: ours?.stderr ?? want.stderr,
        dirty_after: ours?.rows?.dirty ?? want.dirty_after,
        b_f_exists: stat?.exists ?? want.b_f_exists,
        b_f_mtime_ns: stat?.mtime_ns === undefined ? want.b_f_mtime_ns : Number(stat.mtime_ns),
      });
    });
  }
}

Deno.test("golden fork-2.1.1/mixed_versions: every recorded pair is run", () => {
  assert.deepEqual(Object.keys(PAIRS), GOLDEN.mixed_versions.map((c) => c.name));
});

/** The first check of ours with a database of another version. */
async function dirtyAfterUpgrade(isNanos: boolean): Promise<string[]> {
  await using cluster = new Cluster({ nodes: { a: { kind: "c" }, b: { kind: "c" } } });
  cluster.change("a", "echo 1 > f && touch -d @1600000000.123456789 f");
  await cluster.run("a", "-cIr", "/");
  if (isNanos) {
    using db = new DatabaseSync(`${cluster.base}/a/db/a.demo.db3`);
    const nanos = "replace(checktxt, 'mtime=1600000000', 'mtime=1600000000123456789')";
    assert.equal(
      db.prepare(`update file set checktxt = ${nanos} where filename like '%/f'`).run().changes,
      1,
    );
  }
  await cluster.runAs("ours", "a", "-cr", "/");
  const { stdout } = await cluster.runAs("ours", "a", "-M");
  return stdout.split("\n").filter((line) => line !== "");
}

Deno.test("golden fork-2.1.1/upgrade: the first check on a database of 2.0 marks nothing", async () => {
  assert.notDeepEqual(GOLDEN.upgrade.dirty_after_first_check_with_2_1_1_on_a_2_0_database, []);
  assert.deepEqual(await dirtyAfterUpgrade(false), DEVIATIONS["fork-2.1.1/upgrade#0"]?.rows?.dirty);
});

Deno.test("golden fork-2.1.1/upgrade: the first check on a database of 2.1.1 marks nothing", async () => {
  assert.deepEqual(await dirtyAfterUpgrade(true), DEVIATIONS["fork-2.1.1/upgrade#0"]?.rows?.dirty);
});
