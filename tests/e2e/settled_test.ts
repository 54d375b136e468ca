/**
 * "Defects not to copy" that were settled by something new to ask for, or of which one more side shows
 * in the whole program only. Numbers are those of docs/spec: W for wire-protocol.md chapter 20, D for
 * config-cli-db.md chapter 7.
 */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Cluster, KEY, type Ran } from "../support/cluster.ts";
import { caller, FakeServer, member } from "../support/raw_peer.ts";

const OURS = { kind: "ours" } as const;
const TWO = { nodes: { a: OURS, b: OURS } };
const QUIET: Ran = { rc: 0, stdout: "", stderr: "" };
const OK = "OK (cmd_finished).";

type Options = Partial<ConstructorParameters<typeof Cluster>[0]>;

/** Two hosts that hold the same tree and know it, and a running server on b. */
async function inSync(
  script: string,
  { server = [] as string[], ...options }: Options & { server?: string[] } = {},
) {
  const cluster = new Cluster({ ...TWO, ...options });
  for (const node of ["a", "b"]) {
    cluster.change(node, `${script}\nfind . -exec touch -h -d @1400000000 {} +`);
    assert.deepEqual(await cluster.run(node, "-cIr", "/"), QUIET);
  }
  await cluster.start("b", server);
  return cluster;
}

function read(cluster: Cluster, node: string, path: string): string {
  return Deno.readTextFileSync(`${cluster.tree(node)}/${path}`);
}

function logOf(cluster: Cluster, node: string): string {
  try {
    return Deno.readTextFileSync(`${cluster.base}/${node}/log/ran`);
  } catch {
    return "";
  }
}

Deno.test("D 7.1.15 a prefix with the path / carries changes, removals and comparisons", async () => {
  const group = ["include %root%@;", "}", "prefix root { on *: /;"];
  await using cluster = await inSync("mkdir d; echo 1 > d/f; echo 2 > g", { group });
  cluster.change("a", "echo new > d/f; rm g; ln -s d/f l");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.equal(cluster.dump("b"), cluster.dump("a"));
  assert.deepEqual(await cluster.run("a", "-T"), { ...QUIET, rc: 2 });
  const names = (await cluster.run("a", "-L")).stdout.match(/\t.*$/gm);
  const at = `\t%root%${cluster.mount}`;
  assert.deepEqual(names, [at, `${at}/d`, `${at}/d/f`, `${at}/l`]);
});

Deno.test("D 7.2.1 paths that reduce to the root are the root, and end nothing", async () => {
  await using cluster = new Cluster(TWO);
  cluster.change("a", "mkdir d; echo 1 > d/f");
  for (const path of ["/..", "/etc/..", "/../..", "//", "/./."]) {
    assert.deepEqual(await cluster.run("a", "-or", path), {
      ...QUIET,
      stdout: ["", "/d", "/d/f"].map((name) => `${cluster.mount}${name}\n`).join(""),
    }, path);
  }
  const twisted = await cluster.run("a", "-o", "@/././d/../d//f");
  assert.deepEqual(twisted, { ...QUIET, stdout: `${cluster.mount}/d/f\n` });
});

Deno.test("D 7.2.2 a relative argument belongs to the real directory, whatever PWD says", async () => {
  await using cluster = new Cluster(TWO);
  cluster.change("a", "mkdir d; echo 1 > d/f; ln -s d lnk");
  const words = cluster.words("a", ["-or", "."]);
  const at = words.indexOf(cluster.mount) + 1;
  const inDirectory = async (directory: string, pwd: string) => {
    const command = [
      ...words.slice(0, at),
      ...["sh", "-c", 'cd "$0" && PWD=$1 && export PWD && shift && exec "$@"'],
      ...[directory, pwd, ...words.slice(at)],
    ];
    const { code, stdout, stderr } = await new Deno.Command(command[0]!, {
      args: command.slice(1),
      env: cluster.environment("a"),
      clearEnv: true,
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { rc: code, stdout: text(stdout), stderr: text(stderr) };
  };
  const below = { ...QUIET, stdout: `${cluster.mount}/d\n${cluster.mount}/d/f\n` };
  for (const pwd of ["lnk", "d", "nowhere"].map((name) => `${cluster.mount}/${name}`)) {
    assert.deepEqual(await inDirectory(`${cluster.mount}/lnk`, pwd), below, pwd);
  }
});

Deno.test("D 7.2.5 below an excluded directory nothing is checked, sent, listed or taken from peers", async () => {
  await using cluster = await inSync("mkdir .git; echo 1 > .git/config; echo 2 > g");
  cluster.change("a", "echo new > .git/config");
  assert.equal((await cluster.run("a", "-cr", "/")).rc, 0);
  for (const node of ["a", "b"]) cluster.configure(node, ["include @;", "exclude .git;"]);
  const unsent = "1 dirty rows are in no group with b.demo any more: not sent " +
    "(csync2 -R removes them).\n";
  assert.deepEqual(await cluster.run("a", "-u"), { ...QUIET, stderr: unsent });
  const ignored = `WARNING: Parameter will be ignored: ${cluster.mount}/.git/config\n`;
  for (const mode of ["-c", "-o", "-m", "-h"]) {
    assert.deepEqual(
      await cluster.run("a", mode, "@/.git/config"),
      { ...QUIET, stderr: ignored },
      mode,
    );
  }
  cluster.change("a", "echo newer > .git/config; echo x > .git/more");
  assert.deepEqual(await cluster.run("a", "-c"), QUIET, "the hint finds nothing");
  assert.deepEqual(await cluster.run("a", "-cr", "/"), QUIET);
  assert.deepEqual(await cluster.run("a", "-M"), { ...QUIET, rc: 2 });
  assert.doesNotMatch((await cluster.run("a", "-L")).stdout, /\.git/);
  assert.deepEqual(await cluster.run("a", "-or", "@"), {
    ...QUIET,
    stdout: `${cluster.mount}\n${cluster.mount}/g\n`,
  });
  await using typist = await member(cluster);
  for (const name of [".git", ".git/config", ".git/hooks/post"]) {
    for (const word of ["SIG", "PATCH", "DEL", "MKDIR", "TYPE", "FLUSH"]) {
      await typist.expect(`${word} ${KEY} ${cluster.mount}/${name}`, "Permission denied!");
    }
  }
  assert.equal(read(cluster, "b", ".git/config"), "1\n");
});

Deno.test("D 7.3.10 owners and devices above 2^31 arrive, and are no change afterwards", async () => {
  await using cluster = await inSync("echo 1 > f");
  cluster.change("a", "chown 4000000000:3000000000 f; mknod z b 3500 200000; chown 2147483648 z");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.equal(cluster.dump("b"), cluster.dump("a"));
  assert.match(cluster.dump("b"), /^f 644 4000000000:3000000000 /m);
  assert.match(cluster.dump("b"), /^b 644 2147483648:0 /m);
  assert.match(cluster.dump("b"), /^\.\/z dac:30d40$/m);
  assert.deepEqual(await cluster.run("a", "-T"), { ...QUIET, rc: 2 });
  // Neither program takes for a change what the other one has written.
  for (const kind of ["ours", "c", "ours"] as const) {
    assert.deepEqual(await cluster.runAs(kind, "a", "-cr", "/"), QUIET, kind);
    assert.deepEqual(await cluster.run("a", "-M"), { ...QUIET, rc: 2 }, kind);
  }
});

Deno.test("D 7.4.1 a dry run leaves waiting actions to the next real one", async () => {
  const group = ["include @;", 'action { exec "echo ran >> $NODE/log/ran"; do-local; }'];
  await using cluster = await inSync("echo 1 > f", { group });
  cluster.change("a", "echo 2 > f");
  for (const dry of [["-xd"], ["-cu", "-rd", "@"], ["-ud"]]) {
    const { rc, stdout } = await cluster.run("a", ...dry);
    assert.deepEqual([rc, stdout], [0, `?M: b.demo          ${cluster.mount}/f\n`], dry.join());
    assert.equal(logOf(cluster, "a"), "", dry.join());
  }
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.equal(logOf(cluster, "a"), "ran\n");
});

Deno.test("D 7.4.5 lists have names of the longest paths with every byte encoded", async () => {
  await using cluster = await inSync("true");
  const part = `% "'`.repeat(60), file = '" %';
  const below = (script: string) =>
    `part='${part.replaceAll("'", `'\\''`)}'; i=0
     while [ $i -lt 16 ]; do mkdir -p "$part"; cd -P "$part"; i=$((i+1)); done; ${script} '${file}'`;
  cluster.change("a", below("echo deep >"));
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  assert.deepEqual(await cluster.run("a", "-T"), { ...QUIET, rc: 2 });
  cluster.change("a", below("echo more >>"));
  assert.deepEqual(await cluster.run("a", "-cr", "/"), QUIET);
  const name = `${cluster.mount}/${`${part}/`.repeat(16)}${file}`;
  assert.ok(name.length > 3_800 && name.length < 4_096);
  const line = { ...QUIET, stdout: `X\ta.demo\tb.demo\t${name}\n` };
  assert.deepEqual(await cluster.run("a", "-T"), line);
});

Deno.test("D 7.4.7 --strict makes errors of what is only warned of", async () => {
  await using cluster = new Cluster(TWO);
  cluster.change("a", "echo 1 > f");
  const away = "/nowhere/x";
  const warning = `WARNING: Parameter will be ignored: ${away}\n`;
  for (const mode of ["-c", "-h", "-m", "-o", "-u", "-x", "-cu"]) {
    const plain = await cluster.run("a", "-P", "nobody", mode, away);
    assert.equal(plain.rc, 0, mode);
    assert.ok(plain.stderr.includes(warning), mode);
    const strict = await cluster.run("a", "--strict", mode, away);
    assert.equal(strict.rc, 1, mode);
    const said = mode === "-m" ? `Not in one of my groups: ${away} (NULL)\n` : "";
    assert.ok(strict.stderr.startsWith(warning + said), strict.stderr);
    assert.match(strict.stderr, /\nFinished with [12] errors\.\n$/);
  }
  assert.deepEqual(await cluster.run("a", "--strict", "-cr", "@"), QUIET);
  // What can be done is done all the same.
  assert.equal((await cluster.run("a", "--strict", "-m", away, "@/f")).rc, 1);
  assert.match((await cluster.run("a", "-M")).stdout, /\/f\n/);
  // A prefix that lost its path: rows below it are left alone, and that is told.
  cluster.configure("a", ["include %p%;", "}", "prefix p { on *: @;"]);
  assert.deepEqual(await cluster.run("a", "--strict", "-cr", "/"), QUIET);
  cluster.configure("a", ["include %p%;"]);
  const lost = "Prefix 'p' is not defined for host 'a.demo'.\n";
  assert.deepEqual(await cluster.run("a", "-cr", "/"), { ...QUIET, stderr: lost });
  assert.deepEqual(await cluster.run("a", "--strict", "-cr", "/"), {
    rc: 1,
    stdout: "",
    stderr: `${lost}Finished with 1 errors.\n`,
  });
  const refused = await cluster.run("a", "--strict", "-L");
  assert.deepEqual(
    [refused.rc, refused.stderr],
    [1, "csync2: --strict means nothing to this mode, only to -h -c -u -cu -x -o -m -T\n"],
  );
});

const GARBAGE = "x".repeat(300_000);
const ENDLESS: Record<string, (line: string) => string> = {
  "its version": () => GARBAGE,
  "an answer": (line) => /^(SIG|LIST)/.test(line) ? GARBAGE : `${OK}\n`,
  "an answer in the middle": (line) =>
    /^SIG/.test(line) ? `OK (path_not_found).\noctet-stream ${GARBAGE}\n` : `${OK}\n`,
};
for (const [what, answer] of Object.entries(ENDLESS)) {
  Deno.test(`D 7.4.12 a peer whose line for ${what} never ends is an error, the next one is served`, async () => {
    await using cluster = new Cluster({ nodes: { a: OURS, b: OURS, c: OURS } });
    cluster.change("a", "echo 1 > f");
    await cluster.start("c");
    await using server = await FakeServer.start(
      cluster,
      (line) => line === "ATOMICPATCH" ? "Unknown command!\n" : answer(line),
    );
    const { rc, stderr } = await cluster.run("a", "-x", "-j", "1");
    assert.equal(rc, 1);
    assert.match(stderr, /^ERROR: Connection .*b\.demo.*\nFinished with 1 errors\.\n$/);
    assert.ok(stderr.length < 1_000, "what it sent is not repeated");
    assert.equal(read(cluster, "c", "f"), "1\n");
    const marked = (await cluster.run("a", "-M")).stdout;
    assert.deepEqual(marked.match(/\t[bc]\.demo\t/g), ["\tb.demo\t", "\tb.demo\t"]);
    const compared = await cluster.run("a", "-T");
    if (answer("LIST") === GARBAGE) assert.equal(compared.rc, 1);
    assert.doesNotMatch(compared.stdout, /c\.demo/, "c was compared, and is in sync");
    assert.ok(server.heard.length > 0);
  });
}

Deno.test("D 7.7.4 left-over actions wait for a mode that runs actions", async () => {
  await using cluster = await inSync("echo 1 > f");
  const command = `echo left >> ${cluster.base}/a/log/ran`;
  {
    using db = new DatabaseSync(cluster.database("a"));
    db.prepare("insert into action (filename, command, logfile) values (?, ?, '/dev/null')")
      .run(`${cluster.mount}/f`, command.replaceAll(" ", "%20"));
  }
  const idle = ["-M", "-L", "-H", "-R", "-h @/f", "-o @", "-S a.demo b.demo", "-f @/f", "-ud"];
  for (const words of [...idle, "--list-certs", "--check-config"]) {
    await cluster.run("a", ...words.split(" "));
    assert.equal(logOf(cluster, "a"), "", words);
  }
  assert.deepEqual(await cluster.run("a", "-u"), QUIET);
  assert.equal(logOf(cluster, "a"), "left\n");
  assert.deepEqual(await cluster.run("a", "-u"), QUIET);
  assert.equal(logOf(cluster, "a"), "left\n", "once");
});

Deno.test("D 7.7.4 --action-limit ends commands that run too long, in client and server", async () => {
  const exec =
    `action { exec "echo begun >> $NODE/log/ran; sleep 600; echo late >> $NODE/log/ran"; do-local; }`;
  await using cluster = await inSync("echo 1 > f", {
    group: ["include @;", exec],
    server: ["--action-limit", "1"],
    logs: true,
  });
  cluster.change("a", "echo 2 > f");
  const { rc, stderr } = await cluster.run("a", "-x", "--action-limit=1");
  const told = /was ended: it ran for more than 1 s\n/;
  assert.equal(rc, 0);
  assert.match(stderr, told);
  for (let tries = 0; tries < 600 && !told.test(cluster.serverSaid("b")); tries++) {
    await new Promise((go) => setTimeout(go, 50));
  }
  assert.match(cluster.serverSaid("b"), told);
  for (const node of ["a", "b"]) assert.equal(logOf(cluster, node), "begun\n");
  for (const bad of ["0", "-1", "x", "1.5", "9999999"]) {
    const refused = await cluster.run("a", "-x", "--action-limit", bad);
    assert.equal(refused.rc, 1);
    assert.match(refused.stderr, /^csync2: --action-limit needs a number of seconds/);
  }
});

Deno.test("D 7.7.10 certificates of peers are listed with their fingerprints, and forgotten", async () => {
  await using cluster = new Cluster({
    nodes: { a: { ...OURS, security: "p256" }, b: { ...OURS, security: "p256" } },
    plain: false,
  });
  assert.deepEqual(await cluster.run("a", "--list-certs"), { ...QUIET, rc: 2 });
  cluster.change("a", "echo 1 > f");
  await cluster.start("b");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET);
  const { stdout } = new Deno.Command("openssl", {
    args: ["x509", "-noout", "-fingerprint", "-sha256", "-in"].concat(
      `${cluster.base}/b/etc/csync2_ssl_cert.pem`,
    ),
  }).outputSync();
  const fingerprint = new TextDecoder().decode(stdout).trim().split("=")[1]!;
  const listed = { ...QUIET, stdout: `b.demo\tSHA-256 ${fingerprint}\n` };
  assert.deepEqual(await cluster.run("a", "--list-certs"), listed);
  const json = await cluster.run("a", "--list-certs", "--json");
  const rows = json.stdout.trim().split("\n").map((line) => JSON.parse(line));
  const { peer, fingerprint: same } = rows.find(({ event }) => event === "certificate");
  assert.deepEqual([peer, same], ["b.demo", fingerprint]);

  await cluster.stop("b");
  for (const kind of ["key", "cert"]) {
    Deno.removeSync(`${cluster.base}/b/etc/csync2_ssl_${kind}.pem`);
  }
  await cluster.start("b"); // it makes itself another certificate
  cluster.change("a", "echo 2 > f");
  const refused = await cluster.run("a", "-x");
  assert.equal(refused.rc, 1);
  assert.ok(refused.stderr.includes("(csync2 --forget-cert b.demo)"), refused.stderr);
  const unknown = await cluster.run("a", "--forget-cert", "c.demo", "B.demo");
  assert.equal(unknown.rc, 1);
  assert.equal(
    unknown.stderr,
    'ERROR: No certificate of "c.demo" is known: --list-certs tells whose are.\n' +
      `Forgot the certificate of b.demo: SHA-256 ${fingerprint}\nFinished with 1 errors.\n`,
  );
  assert.deepEqual(await cluster.run("a", "--list-certs"), { ...QUIET, rc: 2 });
  assert.deepEqual(await cluster.run("a", "-u"), QUIET);
  assert.equal(read(cluster, "b", "f"), "2\n");
  assert.notDeepEqual(await cluster.run("a", "--list-certs"), listed);
  assert.equal((await cluster.run("a", "--forget-cert")).rc, 1, "needs a name");
});

Deno.test("W 20.12 CONFIG of a stranger opens nothing that does not exist, and makes nothing", async () => {
  await using cluster = await inSync("echo 1 > f", { logs: true });
  const databases = () =>
    [...Deno.readDirSync(`${cluster.base}/b/db`)].map((e) => e.name)
      .filter((name) => !/-(wal|shm)$/.test(name));
  for (const name of ["nosuch", "..%2Fetc", "x".repeat(5_000), "A_B", "%00"]) {
    await using typist = await caller(cluster, { from: "c.demo" });
    const answer = await typist.ask(`CONFIG ${name}`).catch(() => undefined);
    assert.notEqual(answer, OK, name);
  }
  await using typist = await caller(cluster, { from: "c.demo" });
  await typist.expect("CONFIG ", OK);
  assert.notEqual(await typist.ask(`SIG ${KEY} ${cluster.mount}/f`), "OK (data_follows).");
  assert.deepEqual(databases(), ["b.demo.db3"]);
  cluster.change("a", "echo 2 > f");
  assert.deepEqual(await cluster.run("a", "-x"), QUIET, "the server is well");
});
