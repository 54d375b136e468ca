/** Messages, time stamps and their places: the same command, our program beside Debian's csync2. */
import assert from "node:assert/strict";
import { withoutAdvice } from "../golden/steps.ts";
import { LogBed, type LogRun, masked, type Program } from "../support/log_bed.ts";

/** What one program does, on a fresh bed. */
async function done(
  program: Program,
  work: (bed: LogBed, program: Program) => Promise<LogRun>,
): Promise<LogRun & { texts: string[] }> {
  await using bed = new LogBed();
  bed.write("a/f", "1");
  const { rc, stdout, stderr, log } = await work(bed, program);
  // The C program's spelling; ours is corrected (D 7.1.8).
  const text = (one: string) =>
    masked(one).replaceAll(bed.base, "@").replaceAll("timestanp", "timestamp");
  return { rc, stdout: text(stdout), stderr: text(stderr), log: [], texts: log.map(text) };
}

/** Both programs answer the same, but for what ours adds behind a text. */
async function same(work: (bed: LogBed, program: Program) => Promise<LogRun>): Promise<void> {
  const c = await done("c", work), ours = await done("ours", work);
  const texts = withoutAdvice(ours.texts.join("\n"), c.texts.join("\n")).split("\n");
  assert.deepEqual(
    { ...ours, texts, stderr: withoutAdvice(ours.stderr, c.stderr) },
    { ...c, texts: c.texts.join("\n").split("\n") },
  );
}

const COMMANDS: readonly (readonly string[])[] = [
  ["-lv", "-cr", "/"],
  ["-lvt", "-cr", "/", "/nowhere"],
  ["-vt", "-cr", "/"],
  ["-l", "-M", "-G", "none"],
  ["-l", "-s", "/nowhere/x", "-M"],
  ["-s", "/nowhere/x", "-l", "-M"],
  ["-s", "/", "-M"],
  ["-l", "-W", "99", "-cr", "/"],
  ["-W", "99", "-l", "-cr", "/"],
  ["-t", "-W", "99", "-cr", "/"],
  ["-lt", "-M"],
];

for (const args of COMMANDS) {
  Deno.test(`D 4.7 messages of ${args.join(" ")} are those of the C program, and in the same place`, () =>
    same((bed, program) => bed.run(args, { program })));
}

Deno.test("D 4.7 -s makes its file with the same mode, and adds to it", () =>
  same(async (bed, program) => {
    await bed.run(["-s", "out/stamps", "-M"], { program });
    const { rc } = await bed.run(["-s", "out/stamps", "-M"], { program });
    const path = `${bed.base}/out/stamps`;
    const mode = (Deno.statSync(path).mode! & 0o7777).toString(8);
    return { rc, stdout: mode, stderr: Deno.readTextFileSync(path), log: [] };
  }));

for (const level of ["-v", "-vt"]) {
  Deno.test(`D 4.7 D 4.9 messages of -iii ${level} -s are those of the C program`, () =>
    same(async (bed, program) => {
      await bed.run(["-cr", "/"], { program: "c" });
      const stamps = `${bed.base}/out/stamps`;
      await using server = bed.serve(["-iii", level, "-s", stamps], { program });
      await server.heard(/Listening on .*\n/);
      const sent = await bed.run(["-u"], { program: "c" });
      assert.deepEqual([sent.rc, sent.stderr], [0, ""]);
      const { rc, stdout, stderr } = await server.ended();
      return { rc, stdout, stderr: stderr + Deno.readTextFileSync(stamps), log: [] };
    }));
}

Deno.test("D 4.7 messages of -i go to the system log as those of the C program do", () =>
  same(async (bed, program) => {
    await bed.run(["-cr", "/"], { program: "c" });
    const before = bed.raw.length;
    await using server = bed.inetd(["-iv"], { program });
    await server.heard(/listening\n/);
    const sent = await bed.run(["-u"], { program: "c" });
    assert.deepEqual([sent.rc, sent.stderr], [0, ""]);
    const { rc, stderr } = await server.ended();
    // With -i ours tells who connects, too; C tells it with -ii only.
    const log = bed.messages(before).filter((line) => !line.includes("New connection"));
    return { rc, stdout: "", stderr, log };
  }));

Deno.test("D 4.7 -t puts the time before what is done to each peer and each file, as C does", () =>
  same(async (bed, program) => {
    bed.write("a/g", "2");
    await bed.run(["-cr", "/"], { program: "c" });
    await using server = bed.serve(["-iiiv"], { program: "c" });
    await server.heard(/Listening on .*\n/);
    return await bed.run(["-uvt"], { program });
  }));
