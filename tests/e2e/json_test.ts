/** Lists as JSON lines: names that no line of text can bear. */
import assert from "node:assert/strict";
import { HERE, LogBed, THERE } from "../support/log_bed.ts";

/** Byte strings: one code unit per byte. */
const NAMES = [
  "plain",
  "tab\there",
  "new\nline",
  'quote"back\\slash',
  "\xc3\xbc",
  "latin\xe9",
  "\xef\xbb\xbfmark",
  "\x01\x7f",
];

const LISTED = new Set(["file", "mark", "hint", "difference", "name", "dry-run"]);

interface Row {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** The bytes that a field stands for. */
function bytesOf(row: Row, field = "name"): string {
  const hex = row[`${field}Hex`] as string | undefined;
  if (hex === undefined) {
    return String.fromCharCode(...new TextEncoder().encode(row[field] as string));
  }
  return hex.replace(/../g, (two) => String.fromCharCode(parseInt(two, 16)));
}

function makeFile(dir: string, name: string): void {
  const path = `${dir}/${name}`;
  const octal = Array.from(path, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, "0")}`).join(
    "",
  );
  // A command of the substitution would lose a newline at the end: none of the names has one.
  const script = `p=$(printf '${octal}'); : > "$p"; touch -d @1600000000 "$p"`;
  assert.ok(new Deno.Command("/bin/sh", { args: ["-ec", script] }).outputSync().success);
}

/** Runs a list in both forms. @returns the objects of the list, the plain text, and the exit code of both */
async function both(
  bed: LogBed,
  args: string[],
): Promise<{ rows: Row[]; rc: number; plain: string }> {
  const json = await bed.run(["--json", ...args]);
  const plain = await bed.run(args);
  assert.equal(json.rc, plain.rc);
  assert.deepEqual([json.stderr, plain.stderr], ["", ""]);
  const rows = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Row);
  assert.deepEqual(rows.at(-1), { event: "finished", errors: 0 });
  // Messages are objects among them.
  const listed = rows.filter((row) => LISTED.has(row.event));
  return { rows: listed, rc: json.rc, plain: plain.bytes! };
}

Deno.test("D 7.4.9 -L -M -H -S -T -o as JSON lines lose no byte of a name, and say what the plain lines say", async () => {
  await using bed = new LogBed();
  for (const name of NAMES) makeFile(`${bed.base}/a`, name);
  makeFile(`${bed.base}/a`, "forced");
  assert.equal((await bed.run(["-cr", "/"])).rc, 0);
  assert.equal((await bed.run(["-f", `${bed.base}/a/forced`])).rc, 0);
  assert.equal((await bed.run(["-h", `${bed.base}/a/forced`])).rc, 0);
  assert.equal((await bed.run(["-hr", `${bed.base}/a`])).rc, 0);
  await using server = bed.serve(["-iiv"]);
  await server.heard(/Listening/);

  const wanted = ["%p%", ...[...NAMES, "forced"].map((name) => `%p%/${name}`)].sort();
  const lists: Record<string, { args: string[]; line: (row: Row) => string }> = {
    file: { args: ["-L"], line: (r) => `${r.checkText}\t${bytesOf(r)}` },
    mark: {
      args: ["-M"],
      line: (r) => `${r.forced ? "force" : "chary"}\t${r.myName}\t${r.peer}\t${bytesOf(r)}`,
    },
    difference: {
      args: ["-T"],
      line: (r) => `${r.kind}\t${r.myName}\t${r.peer}\t${bytesOf(r)}`,
    },
    name: { args: ["-or", `${bed.base}/a`], line: (r) => bytesOf(r) },
  };
  for (const [event, { args, line }] of Object.entries(lists)) {
    const { rows, rc, plain } = await both(bed, args);
    assert.equal(rc, 0);
    assert.deepEqual(rows.map((row) => row.event), wanted.map(() => event));
    assert.deepEqual(rows.map((row) => bytesOf(row)).sort(), wanted, event);
    assert.equal(
      rows.map((row) => `${line(row)}\n`).join(""),
      plain,
      `${event}: the same, in the same order`,
    );
  }
  const pair = await both(bed, ["-S", HERE, THERE]);
  assert.deepEqual(pair.rows, (await both(bed, ["-L"])).rows);
  const hints = await both(bed, ["-H"]);
  assert.deepEqual(hints.rows, [
    { event: "hint", name: `${bed.base}/a`, recursive: true },
    { event: "hint", name: `${bed.base}/a/forced`, recursive: false },
  ]);
  const marks = await both(bed, ["-M"]);
  assert.deepEqual(marks.rows.filter((row) => row.forced).map((row) => row.name), ["%p%/forced"]);
  const latin = marks.rows.find((row) => bytesOf(row).includes("latin"));
  assert.deepEqual([latin?.name, latin?.nameHex], ["%p%/latin\ufffd", "2570252f6c6174696ee9"]);
});

Deno.test("D 7.4.9 a dry run as JSON lines", async () => {
  await using bed = new LogBed();
  makeFile(`${bed.base}/a`, "latin\xe9");
  await bed.run(["-cr", "/"]);
  await using server = bed.serve(["-iiv"]);
  await server.heard(/Listening/);
  const { stdout } = await bed.run(["--json", "-ud"]);
  const rows = stdout.trimEnd().split("\n").map((line) => JSON.parse(line) as Row)
    .filter((row) => row.event === "dry-run");
  assert.deepEqual(rows.map((row) => [row.kind, row.peer, bytesOf(row)]), [
    ["?S", THERE, "%p%"],
    ["?M", THERE, "%p%/latin\xe9"],
  ]);
});

Deno.test("D 7.4.9 an empty list as JSON is the last object only, with the exit code of the plain one", async () => {
  await using bed = new LogBed();
  for (const args of [["-L"], ["-M"], ["-H"], ["-S", HERE, THERE]]) {
    const { rows, rc, plain } = await both(bed, args);
    assert.deepEqual([rows, rc, plain], [[], 2, ""]);
  }
});
