/** What an operator sees is the same in both dialects: output, exit code, trees and rows, step by step. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Cluster } from "../support/cluster.ts";

const OURS = { kind: "ours" } as const;

/** One thing that is done, and what is run after it. */
interface Step {
  readonly name: string;
  /** Shell commands in the tree, by host. */
  readonly a?: string;
  readonly b?: string;
  /** Arguments of a run at `a`; with `b:` in front, at `b`. */
  readonly runs: readonly string[];
  /** The fast dialect makes renamed files before the removals. @default false */
  readonly isInAnyOrder?: boolean;
  /** What some output must contain, so that the step is about what it says. */
  readonly says?: RegExp;
}

const CONFIG = [
  "group demo { host a.demo b.demo; key demo.key; include @; exclude @/slave @/other @/auto *.no; }",
  "group slave { host b.demo (a.demo); key demo.key; include @/slave; }",
  "group other { host a.demo b.demo; key demo.key; include @/other; }",
  "group young { host a.demo b.demo; key demo.key; include @/auto; auto younger; }",
];

const FILES = `mkdir -p d/e other auto
  for f in 1 2 3 4 5 6; do echo $f > d/f$f; echo e$f > d/e/f$f; done
  head -c 300000 /dev/zero > zeros; seq 300000 > large; touch empty; ln -s d link; mkfifo pipe
  ln -s nowhere loose; mkdir -m 700 private; echo x > 'a b%c'; printf x > "$(printf 'n\\303\\274')"
  echo o > other/o; echo no > x.no; chmod 640 d/f1`;

const STEPS: readonly Step[] = [
  { name: "a dry run of everything", a: FILES, runs: ["-xd", "-xdv"] },
  {
    name: "everything is new",
    runs: ["-xv", "-T", "-M"],
    says: /^Updating @\/d\/e\/f1 on b.demo/m,
  },
  {
    name: "everything is marked and the same",
    runs: ["-mr @", "-ud", "-uv", "-M"],
    says: /already up to date/,
  },
  {
    name: "other contents, modes, owners and times",
    a: `echo 11 > d/f1; chmod 600 d/f2; chown 12:34 d/f3; touch -d @1000000000 d/f4
        chmod 755 d/e; chown -h 5:6 link; echo y >> large; seq 1 2 > d/e/f1; : > d/e/f2`,
    runs: ["-xdv", "-xv", "-T"],
  },
  {
    name: "other kinds of objects",
    a: `rm d/f1 d/f2 pipe link; ln -s f3 d/f1; mkdir d/f2; echo p > pipe; mkdir link; echo l > link/l
        rm -r private; echo file > private; ln -sfn elsewhere loose`,
    runs: ["-xd", "-xv", "-T"],
  },
  {
    name: "removals",
    a: "rm -r link zeros d/f2; rm empty",
    runs: ["-xdv", "-xv", "-T"],
    says: /Removing|Deleting/,
  },
  {
    name: "a directory is renamed",
    a: "mv d/e moved; mv large larger",
    runs: ["-xd", "-xv", "-T"],
    isInAnyOrder: true,
  },
  {
    name: "differences of records and contents",
    a: "echo only-a > only-a; echo from-a > d/f3; echo gone > gone",
    b: "echo only-b > only-b; echo from-b-too > d/f3",
    runs: [
      "-cr @",
      "b:-cr @",
      "-T",
      "-TT",
      "-TI",
      "-T a.demo b.demo",
      "-T a.demo b.demo @/d/f3",
      "-M",
    ],
  },
  {
    name: "conflicts of contents and kinds",
    runs: ["-xd", "-xv", "-M", "-f @/d/f3", "-uv", "b:-uv", "-T"],
    says: /also marked dirty here/,
  },
  {
    name: "a removal of what was changed there",
    a: "rm gone",
    b: "echo changed > gone",
    runs: ["-xv", "-M", "-f @/gone", "-uv", "-T"],
    says: /^ERROR: Deleting .* failed: File is also marked dirty here!$/m,
  },
  {
    name: "a conflict that the younger one wins, on either side",
    says: /Lost 'younger/,
    a: "echo a > auto/x; echo a > auto/y; touch -d @1500000000 auto/x; touch -d @1400000000 auto/y",
    b: "echo bb > auto/x; echo bb > auto/y; touch -d @1400000000 auto/x; touch -d @1500000000 auto/y",
    runs: ["-xv", "b:-xv", "-xv", "-T"],
  },
  {
    name: "a slave may not send",
    says: /Permission denied for slave!/,
    a: "mkdir slave; echo s > slave/s",
    b: "mkdir slave; echo mm > slave/s; echo m > slave/m",
    runs: ["-xv", "-M", "b:-xv"],
  },
  {
    name: "a slave has changed what its master has",
    a: "echo sss > slave/m",
    runs: ["-xv", "b:-xv", "-xv"],
  },
  {
    name: "directories are missing there",
    says: /^missing parent dir/m,
    a: "mkdir -p p/q/r; echo 1 > p/q/r/f; echo 2 > p/g",
    runs: ["-m @/p/q/r/f", "-uv @/p/q/r/f", "-x", "-M"],
  },
  {
    name: "what was removed there, with what is in it",
    a: "echo 9 > p/q/r/f; echo 9 > p/new",
    b: "rm -r p",
    runs: ["b:-cr @", "-xv", "b:-xv", "-xv", "b:-xv", "-M", "-T"],
  },
  {
    name: "single files, directories and peers",
    a: "echo 1 > d/f4; echo 2 > d/f5; echo 3 > moved/f3; echo 4 > other/o; echo 5 > other/p",
    runs: [
      "-cr @",
      "-uv @/d/f4",
      "-urv @/moved",
      "-P c.demo -uv",
      "-P b.demo -G other -uv",
      "-M",
      "-u /nowhere/at/all",
      "-uv",
    ],
  },
  {
    name: "contents that changed behind their times",
    b: "touch -r d/f5 ../stamp; printf '9\\n' > d/f5; touch -r ../stamp d/f5",
    runs: ["-m @/d/f5", "-uv --checksum", "-T"],
  },
  {
    name: "only times are others there",
    b: "touch -d @1200000000 d/f6; touch -d @1200000000 moved",
    runs: ["b:-xv", "-T", "-m @/d/f6", "-uv"],
  },
  {
    name: "names of the own database that the peer has changed meanwhile",
    a: "echo a > d/f4; chmod 600 d/f5",
    b: "rm d/f4; chmod 644 d/f5",
    runs: ["-xv", "b:-xv", "-f @/d/f4", "-uv", "b:-xv", "-T"],
  },
];

interface Seen {
  readonly step: string;
  readonly run: string;
  readonly rc: number;
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** What differs between two clusters and is nobody's business. */
function plainText(cluster: Cluster, text: string): string[] {
  return text.replaceAll(cluster.mount, "@")
    .replaceAll(/\b\d+\.\d\d seconds\b/g, "N seconds").replaceAll(/mtime=\d+(?:\.\d+)?/g, "mtime=T")
    .replaceAll(/(127\.\d\.\d\.\d):\d+/g, "$1:PORT").replaceAll(/(SHA-256 )[0-9A-F:]+/g, "$1X")
    .replaceAll(/^(---|\+\+\+) .*$/gm, "$1 FILE")
    .split("\n");
}

function rows(cluster: Cluster, node: string): string[] {
  using db = new DatabaseSync(cluster.database(node), { readOnly: true });
  const found = [
    ...db.prepare("SELECT filename, checktxt FROM file ORDER BY 1").all(),
    ...db.prepare("SELECT filename, forced, myname, peername FROM dirty ORDER BY 1, 4").all(),
  ];
  return found.map((row) =>
    Object.values(row).join(" ").replaceAll(encodeURIComponent(cluster.mount), "@")
      .replaceAll(cluster.mount, "@").replaceAll(/mtime(=|%3D)\d+/gi, "mtime=T")
  );
}

/**
 * In any order, for requests under way at the same time are told as they end. Without what is said about
 * files whose directory is missing: they are sent without a question before, and refused.
 */
function serverSaid(cluster: Cluster, node: string): string[] {
  return plainText(cluster, cluster.serverSaid(node)).filter((line) => !line.includes("@/p/"))
    .toSorted();
}

async function play(dialect: readonly string[]): Promise<unknown[]> {
  await using cluster = new Cluster({
    nodes: { a: OURS, b: OURS },
    plain: false,
    config: CONFIG,
    logs: true,
  });
  for (const node of ["a", "b"]) await cluster.start(node, [...dialect, "-v"]);
  const seen: unknown[] = [];
  for (const step of STEPS) {
    for (const node of ["a", "b"] as const) {
      const script = step[node];
      if (script !== undefined) cluster.change(node, script);
    }
    const runs: Seen[] = [];
    for (const text of step.runs) {
      const [node, args] = text.startsWith("b:") ? ["b", text.slice(2)] : ["a", text];
      const isTalk = /(?:^| )-[a-z]*[uxT]/.test(args);
      const ran = await cluster.run(node, ...(isTalk ? dialect : []), ...args.split(" "));
      const told = plainText(cluster, ran.stderr);
      runs.push({
        step: step.name,
        run: text,
        rc: ran.rc,
        stdout: plainText(cluster, ran.stdout),
        stderr: step.isInAnyOrder ? told.toSorted() : told,
      });
    }
    const said = runs.map((run) => [...run.stdout, ...run.stderr].join("\n")).join("\n");
    if (step.says !== undefined) assert.match(said, step.says);
    seen.push(...runs, {
      step: step.name,
      trees: ["a", "b"].map((node) => cluster.dump(node, { time: "none" })),
      equal: cluster.dump("a") === cluster.dump("b"),
      rows: ["a", "b"].map((node) => rows(cluster, node)),
    });
  }
  seen.push(["a", "b"].map((node) => serverSaid(cluster, node)));
  return seen;
}

Deno.test("both dialects say and do the same", async () => {
  const fast = await play([]), classic = await play(["--classic"]);
  for (const [n, one] of fast.entries()) assert.deepEqual(one, classic[n]);
});
