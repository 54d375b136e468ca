/** Logs that cannot be trusted, that break, and what never gets into them. */
import assert from "node:assert/strict";
import { KEY, LogBed, masked } from "../support/log_bed.ts";

/** A file that is checked, and what everything that a run says is searched in. */
async function withFile(work: (bed: LogBed) => Promise<void>): Promise<void> {
  await using bed = new LogBed();
  bed.write("a/f", "1");
  await work(bed);
}

/** Runs `-cr /` with these options; the check itself must be complete whatever becomes of the log. */
async function checked(bed: LogBed, args: string[], more: { redirect?: string } = {}) {
  const ran = await bed.run([...args, "-cr", "/"], more);
  const { stdout } = await bed.run(["-M"]);
  return { ...ran, marks: stdout.trimEnd().split("\n").length };
}

Deno.test("-O writes every message of every level, emptied at the start, for its owner only", () =>
  withFile(async (bed) => {
    const path = `${bed.base}/out/full`;
    Deno.writeTextFileSync(path, "what was there\n", { mode: 0o644 });
    const { rc, stderr } = await bed.run([`-O${path}`, "-cr", "/"]);
    assert.deepEqual([rc, stderr], [0, ""]);
    const text = Deno.readTextFileSync(path);
    assert.doesNotMatch(text, /what was there/);
    assert.match(text, /^Config-File: .*\n/);
    assert.match(text, /^Checking %p%\/f\.$/m);
    assert.match(text, /^Marking file as dirty: %p%\/f$/m);
    assert.ok(text.endsWith("Connection closed.\n"), text);
    const made = `${bed.base}/out/new`;
    await bed.run([`-O${made}`, "-M"]);
    assert.equal(Deno.statSync(made).mode! & 0o777, 0o600);
  }));

/** What somebody else may have put where the log is to be, in a directory like /tmp. */
const TRAPS: Readonly<Record<string, string>> = {
  "another user's link": "ln -s $BASE/out/victim $LOG && chown -h 12345 $LOG",
  "a link of our own": "ln -s $BASE/out/victim $LOG",
  "another user's file": ": > $LOG && chown 12345 $LOG",
  "a hard link": "ln $BASE/out/victim $LOG",
  "a file that all can write to": ": > $LOG && chmod 666 $LOG",
  "a pipe": "mkfifo $LOG",
  "a directory": "mkdir $LOG",
};

for (const [what, trap] of Object.entries(TRAPS)) {
  for (const option of ["-O", "-s"]) {
    Deno.test(`D 7.7.9 ${option} refuses ${what} in a directory where everybody makes files`, () =>
      withFile(async (bed) => {
        const [shared, victim] = [`${bed.base}/out/tmp`, `${bed.base}/out/victim`];
        Deno.mkdirSync(shared);
        Deno.chmodSync(shared, 0o1777);
        Deno.writeTextFileSync(victim, "precious\n");
        const log = `${shared}/log`;
        const script = trap.replaceAll("$LOG", log).replaceAll("$BASE", bed.base);
        assert.ok(new Deno.Command("/bin/sh", { args: ["-ec", script] }).outputSync().success);
        const { rc, stdout, stderr } = await bed.run([`${option}${log}`, "-cr", "/"]);
        assert.deepEqual([rc, stdout], [1, ""]);
        assert.match(stderr, /^(Could not open full log|Can't open timestamp) file[^\n]+\n$/);
        assert.equal(Deno.readTextFileSync(victim), "precious\n");
        assert.equal((await bed.run(["-M"])).rc, 2, "nothing was done");
      }));
  }
}

Deno.test("D 7.7.9 -O and -s follow the links of root in directories of root", () =>
  withFile(async (bed) => {
    Deno.symlinkSync("real", `${bed.base}/out/log`);
    assert.equal((await bed.run([`-O${bed.base}/out/log`, "-M"])).rc, 2);
    assert.match(Deno.readTextFileSync(`${bed.base}/out/real`), /Connection closed/);
    const { rc, stderr } = await bed.run(["-s", "/dev/stderr", "-M"]);
    assert.deepEqual([rc, masked(stderr).split("\n")[0]], [
      2,
      "<N> TIMESTAMP: DATE TIME UTC (GMT+0000)",
    ]);
    // The link of somebody else is followed nowhere.
    const link = `${bed.base}/out/theirs`;
    Deno.symlinkSync("real", link);
    new Deno.Command("chown", { args: ["-h", "12345", link] }).outputSync();
    assert.equal((await bed.run([`-O${link}`, "-M"])).rc, 1);
  }));

Deno.test("a full log and time stamps on a full disk cost one line each, and not the run", () =>
  withFile(async (bed) => {
    const { rc, stderr, marks } = await checked(bed, ["-O/dev/full", "-s", "/dev/full"]);
    assert.deepEqual([rc, marks], [0, 2]);
    assert.deepEqual(stderr.trimEnd().split("\n").sort(), [
      "WARNING: Cannot write the full log /dev/full: No space left on device",
      "WARNING: Cannot write time stamps to /dev/full: No space left on device",
    ]);
  }));

Deno.test("-W on a full disk or into a closed pipe ends the list, and not the check", async () => {
  const rows = [
    { redirect: "9>/dev/full", why: "No space left on device" },
    // The reader has gone before the program starts.
    { redirect: '9>&- 9>"$PIPE"', why: "Broken pipe" },
  ];
  for (const { redirect, why } of rows) {
    await withFile(async (bed) => {
      const pipe = `${bed.base}/out/pipe`;
      const before = `mkfifo ${pipe}; exec 8<>${pipe} 9>${pipe} 8>&-`;
      const isPipe = redirect.includes("PIPE");
      const ran = await bed.run(["-W", "9", "-cr", "/"], isPipe ? { before } : { redirect });
      const { stdout } = await bed.run(["-M"]);
      assert.deepEqual([ran.rc, stdout.trimEnd().split("\n").length], [1, 2]);
      const line = `Error while writing to dump_dir_fd 9: ${why}`;
      assert.equal(ran.stderr, `${line}\nFinished with 1 errors.\n`);
    });
  }
});

Deno.test("D 7.4.10 -W needs the number of an open descriptor", () =>
  withFile(async (bed) => {
    for (
      const [value, why] of [["abc", "not a number"], ["", "not a number"], [
        "77",
        "Bad file descriptor",
      ]]
    ) {
      const { rc, stderr, marks } = await checked(bed, ["-W", value!]);
      assert.deepEqual([rc, stderr], [1, `Invalid dump_dir_fd ${value}: ${why}\n`]);
      assert.equal(marks, 1, "an empty text: nothing was marked");
    }
  }));

Deno.test("standard error on a full disk is told to the system log, and the run goes on", () =>
  withFile(async (bed) => {
    const { rc, log, marks } = await checked(bed, ["-v"], { redirect: "2>/dev/full" });
    assert.deepEqual([rc, marks], [0, 2]);
    assert.deepEqual(log, ["<132>Cannot write to standard error: No space left on device"]);
  }));

Deno.test("-l without a system log says so, once, and the run goes on", () =>
  withFile(async (bed) => {
    const before = "rm /dev/log";
    const { rc, stderr, log } = await bed.run(["-lv", "-cr", "/"], { before });
    assert.deepEqual([rc, log], [0, []]);
    assert.equal(stderr, "WARNING: The system log takes no messages: some are lost.\n");
  }));

Deno.test("-l without a system log: what is wrong with an option is told on standard error", () =>
  withFile(async (bed) => {
    const why = "Could not open full log file:  /none/x (No such file or directory)\n";
    const logged = await bed.run(["-l", "-O/none/x", "-M"]);
    assert.deepEqual([logged.rc, logged.stderr, logged.log], [1, "", [`<132>${why.trimEnd()}`]]);
    const { rc, stderr } = await bed.run(["-l", "-O/none/x", "-M"], { before: "rm /dev/log" });
    assert.deepEqual([rc, stderr], [1, why]);
  }));

Deno.test("a reader of standard error that goes away ends nothing", () =>
  withFile(async (bed) => {
    const pipe = `${bed.base}/out/pipe`;
    const before = `mkfifo ${pipe}; exec 8<>${pipe} 2>${pipe} 8>&-`;
    const { rc } = await bed.run(["-vv", "-cr", "/"], { before });
    assert.equal(rc, 0);
    assert.equal((await bed.run(["-M"])).stdout.trimEnd().split("\n").length, 2);
  }));

Deno.test("a peer that is standard error too hears the protocol only, with -t and -vvv as well", () =>
  withFile(async (bed) => {
    await bed.run(["-cr", "/"]);
    await using server = bed.inetd(["-itvvv"], { isErrorsToPeer: true });
    await server.heard(/listening\n/);
    const sent = await bed.run(["-u"]);
    assert.deepEqual([sent.rc, sent.stderr], [0, ""]);
    await server.ended();
    const log = bed.messages().map(masked).join("\n");
    assert.match(log, /^<135>TIMESTAMP: /m);
    assert.match(log, /^<135>Peer> HELLO /m);
    assert.match(log, /^<134>Updated %p%\/f from /m);
    assert.equal(Deno.readTextFileSync(`${bed.base}/b/f`), "1");
  }));

const DIALECTS = [
  { dialect: "fast", own: [], shown: /OFFER 2 / },
  { dialect: "classic", own: ["--classic"], shown: /SIG \*\*\* / },
];

for (const { dialect, own, shown } of DIALECTS) {
  Deno.test(`no log of any kind has a group key, on either side (${dialect})`, () =>
    withFile(async (bed) => {
      await bed.run(["-cr", "/"]);
      const full = `${bed.base}/out/server`;
      await using server = bed.serve([...own, "-ii", "-vvvv", `-O${full}`]);
      await server.heard(/Listening on .*\n/);
      const sent = await bed.run([...own, "-uvvvv", `-O${bed.base}/out/client`]);
      assert.equal(sent.rc, 0);
      await server.heard(/^<1> Finished with 0 errors\.$/m);
      server.child.kill("SIGTERM");
      const { stdout, stderr } = await server.ended();
      const files = ["server", "client"].map((f) => Deno.readTextFileSync(`${bed.base}/out/${f}`));
      const said = [sent.stdout, sent.stderr, stdout, stderr, ...files, ...bed.raw].join("\n");
      assert.match(said, shown);
      assert.match(stderr, /^My hostname is 127\.32\.0\.2\.$/m);
      assert.ok(!said.includes(KEY.slice(0, 8)));
    }));
}

Deno.test("D 4.7 messages of a server's connections begin with their numbers, stamps too", () =>
  withFile(async (bed) => {
    await bed.run(["-cr", "/"]);
    await using server = bed.serve(["-iivt", "-s", `${bed.base}/out/stamps`]);
    await server.heard(/Listening on .*\n/);
    assert.equal((await bed.run(["-u"])).rc, 0);
    await server.heard(/^<1> TOTALTIME/m);
    bed.write("a/f", "22");
    assert.equal((await bed.run(["-x"])).rc, 0);
    const heard = masked(await server.heard(/^<2> TOTALTIME: .*\n/m));
    const lines = (number: number) => [
      `[TIME] <${number}> New connection from 127.32.0.1:PORT.`,
      `[TIME] <${number}> Updated %p%/f from 127.32.0.1.`,
      `[TIME] <${number}> Connection closed.`,
      `[TIME] <${number}> Finished with 0 errors.`,
      `<${number}> TIMESTAMP: DATE TIME UTC (GMT+0000)`,
      `<${number}> TOTALTIME: TIME`,
    ];
    const want = [...lines(1), ...lines(2)].map((line) => line.replace(/<\d>/, "<N>"));
    assert.deepEqual(heard.trimEnd().split("\n").slice(2), want);
    const stamps = Deno.readTextFileSync(`${bed.base}/out/stamps`);
    assert.deepEqual(stamps.match(/^<[12]> \w+/gm), [
      "<1> TIMESTAMP",
      "<1> TOTALTIME",
      "<2> TIMESTAMP",
      "<2> TOTALTIME",
    ]);
  }));

Deno.test("--json does not keep messages from syslog and the full log", () =>
  withFile(async (bed) => {
    const full = `${bed.base}/out/full`;
    const { stdout, log, stderr } = await bed.run(["--json", "-lv", `-O${full}`, "-cr", "/"]);
    assert.equal(stderr, "");
    const events = stdout.trimEnd().split("\n").map((line) => JSON.parse(line).event);
    assert.deepEqual(events.filter((e) => e === "file-marked").length, 2);
    assert.ok(log.includes("<134>Marking file as dirty: %p%/f"), log.join("\n"));
    assert.match(Deno.readTextFileSync(full), /^Checking %p%\/f\.$/m);
  }));
