/** tests/golden/checktxt.json where it is about texts, and comparison field by field. */
import assert from "node:assert/strict";
import golden from "../../tests/golden/checktxt.json" with { type: "json" };
import {
  checkText,
  type Ignored,
  NOTHING_IGNORED,
  parseCheckText,
  sameCheckText,
  sameEntry,
  storedCheckText,
  subsecond,
  wantText,
} from "./check_text.ts";
import { type Present, TYPE_BITS } from "./entry.ts";
import { utf8Bytes } from "./bytes.ts";
import { percentDecode } from "./percent.ts";
import { nanos, NANOS_PER_SECOND } from "./time.ts";

interface Create {
  readonly op: string;
  readonly path: string;
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly mtime_ns?: string;
  readonly data?: string;
  readonly size?: number;
  readonly target?: string;
  readonly major?: number;
  readonly minor?: number;
}
interface Item {
  readonly create: Create;
  readonly checktxt: string;
  readonly stored: string;
  readonly fork_2_1_1_checktxt: string;
}

// Read as text once more: `mtime_ns` does not fit in a double.
const EXACT = JSON.parse(
  Deno.readTextFileSync(new URL("../../tests/golden/checktxt.json", import.meta.url))
    .replace(/("mtime_ns": *)(-?\d+)/g, '$1"$2"'),
) as { items: Item[] };
const CREATED = new Map(EXACT.items.map(({ create }) => [create.path, create]));

/** st_rdev as the C library encodes it. */
function device(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

const KINDS: Readonly<Record<string, Present["kind"]>> = {
  write: "reg",
  mkdir: "dir",
  symlink: "lnk",
  fifo: "fifo",
  sock: "sock",
  chr: "chr",
  blk: "blk",
};

/** The object that a step makes, as the disk would show it. */
function made(create: Create): Present {
  if (create.op === "link") return made(CREATED.get(create.target!)!);
  const kind = KINDS[create.op]!;
  const permissions = kind === "lnk"
    ? 0o777
    : parseInt(create.mode ?? (kind === "dir" ? "755" : "644"), 8);
  const meta = {
    mode: TYPE_BITS[kind] | permissions,
    uid: create.uid ?? 0,
    gid: create.gid ?? 0,
    mtime: nanos(BigInt(create.mtime_ns ?? BigInt(create.mtime ?? 0) * NANOS_PER_SECOND)),
  };
  switch (kind) {
    case "reg":
      return { kind, meta, size: create.size ?? create.data!.length };
    case "lnk":
      return { kind, meta, target: utf8Bytes(create.target!) };
    case "chr":
    case "blk":
      return { kind, meta, rdev: device(create.major!, create.minor!) };
    default:
      return { kind, meta };
  }
}

for (const item of EXACT.items) {
  Deno.test(`golden checktxt: ${item.create.path}`, () => {
    const entry = made(item.create);
    const ignored = NOTHING_IGNORED;
    assert.equal(checkText(entry, { time: "seconds", ignored }), utf8Bytes(item.checktxt));
    assert.equal(storedCheckText(entry, { time: "seconds", ignored }), utf8Bytes(item.stored));
    assert.equal(
      checkText(entry, { time: "nanos", ignored }),
      utf8Bytes(item.fork_2_1_1_checktxt),
    );
    for (const time of ["zero", "seconds", "nanos"] as const) {
      const text = checkText(entry, { time, ignored });
      assert.equal(percentDecode(storedCheckText(entry, { time, ignored })), text);
      const fields = parseCheckText(text);
      assert.equal(fields?.type, entry.kind);
      assert.equal(fields?.uid, entry.meta.uid);
      assert.equal(fields?.gid, entry.meta.gid);
    }
  });
}

for (const { ignore, checktxt } of golden.ignore) {
  Deno.test(`golden checktxt: ignore ${ignore}`, () => {
    const words = ignore.split(" ");
    const ignored: Ignored = {
      uid: words.includes("uid"),
      gid: words.includes("gid"),
      mod: words.includes("mod"),
    };
    for (const [path, text] of Object.entries(checktxt)) {
      const create = CREATED.get(path);
      assert.ok(create, path);
      assert.equal(checkText(made(create), { time: "seconds", ignored }), text, path);
      assert.ok(
        sameCheckText(text, checkText(made(create), { time: "nanos", ignored: NOTHING_IGNORED })) ||
          made(create).meta.mtime < 100n * NANOS_PER_SECOND,
        path,
      );
    }
  });
}

Deno.test("checkText() writes mtime=0 for SIG", () => {
  const file = made(CREATED.get("a/reg")!);
  assert.equal(
    checkText(file, { time: "zero", ignored: NOTHING_IGNORED }),
    "v1:mtime=0:mode=33184:uid=1:gid=2:type=reg:size=5",
  );
});

const A = "v1:mtime=1600000000:mode=33188:uid=0:gid=0:type=reg:size=5";
const SAME: readonly (readonly [string, string, boolean])[] = [
  [A, A, true],
  [A, A.replace(":uid=0", ""), true],
  [A.replace(":mode=33188", ""), A.replace(":gid=0", ""), true],
  [A, A.replace("1600000000", "1600000000999999999"), true],
  [A, A.replace("1600000000", "1600000001000000000"), false],
  [
    A.replace("1600000000", "1600000000000000001"),
    A.replace("1600000000", "1600000000000000002"),
    false,
  ],
  [A, A.replace("mtime=1600000000:", ""), true],
  [A, A.replace("size=5", "size=6"), false],
  [A, A.replace("mode=33188", "mode=33152"), false],
  [A, "v1:mode=16877:uid=0:gid=0:type=dir", false],
  ["v1:type=lnk:target=a%20b", "v1:type=lnk:target=", true],
  ["v1:type=lnk:target=a%20b", "v1:type=lnk:target=a%20c", false],
  ["v1:gid=-1:type=dir", "v1:gid=4294967295:type=dir", true],
  // W 20.27: a mere prefix or something behind it is not the same.
  [A, "v1", false],
  [A, `${A}:x=1`, false],
  [A, "", false],
  ["v2:x", "v2:x", true],
  ["v2:x", "v2:y", false],
];
for (const [a, b, want] of SAME) {
  Deno.test(`sameCheckText() ${a} and ${b}: ${want}`, () => {
    assert.equal(sameCheckText(a, b), want);
    assert.equal(sameCheckText(b, a), want);
  });
}

Deno.test("parseCheckText() refuses what is none", () => {
  const bad = [
    "",
    "---",
    "v1",
    "v1:type=reg",
    "v1:type=reg:size=",
    "v1:type=reg:size=-1",
    "v1:type=dir:size=1",
    "v1:type=xyz",
    "v1:uid=0:mode=1:type=dir",
    "v1:mtime=99999999999999999999:type=fifo",
    "v1:type=lnk:target=a:b",
    `${A}\n`,
    ` ${A}`,
  ];
  for (const text of bad) assert.equal(parseCheckText(text), undefined, JSON.stringify(text));
});

Deno.test("subsecond() is never negative", () => {
  assert.equal(subsecond(nanos(1_000_000_001n)), 1);
  assert.equal(subsecond(nanos(-1n)), 999_999_999);
  assert.equal(subsecond(nanos(-1_000_000_000n)), 0);
});

Deno.test("sameCheckText() sees a difference below a second when both sides know the fraction", () => {
  const text = (mtime: string) => `v1:mtime=${mtime}:mode=33188:type=reg:size=5`;
  const known = text("1600000000123456789"), other = text("1600000000999999999");
  assert.equal(sameCheckText(known, other), false);
  assert.equal(sameCheckText(known, text("1600000000000000000")), true);
  assert.equal(sameCheckText(known, text("1600000000")), true);
  assert.equal(sameCheckText(known, text("1600000001000000000")), false);
});

Deno.test("checkText() and storedCheckText() do not depend on what was written before", () => {
  const metas = [0o644, 0o755].flatMap((mode) =>
    [0, 1].flatMap((uid) => [0, 1].map((gid) => ({ mode, uid, gid, mtime: nanos(5_000_000_000n) })))
  );
  const entries = metas.flatMap((meta): Present[] => [
    { kind: "reg", meta, size: 3 },
    { kind: "dir", meta },
    { kind: "fifo", meta },
  ]);
  const ignored = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => ({
    uid: (n & 1) !== 0,
    gid: (n & 2) !== 0,
    mod: (n & 4) !== 0,
  }));
  for (const first of entries) {
    for (const other of ignored) {
      for (const second of entries) {
        const options = { time: "seconds", ignored: other } as const;
        storedCheckText(first, { ...options, ignored: NOTHING_IGNORED });
        const stored = storedCheckText(second, options);
        checkText(first, options);
        assert.equal(percentDecode(stored), checkText(second, options));
        const { mode, uid, gid } = second.meta;
        const fields = [
          second.kind === "dir" ? "" : ":mtime=5",
          other.mod ? "" : `:mode=${mode}`,
          other.uid ? "" : `:uid=${uid}`,
          other.gid ? "" : `:gid=${gid}`,
          `:type=${second.kind}`,
          second.kind === "reg" ? ":size=3" : "",
        ];
        assert.equal(checkText(second, options), `v1${fields.join("")}`);
      }
    }
  }
});

Deno.test("checkText() writes seconds beyond exact numbers", () => {
  const meta = { mode: 0, uid: 0, gid: 0, mtime: nanos((2n ** 60n + 1n) * NANOS_PER_SECOND) };
  assert.equal(
    checkText({ kind: "fifo", meta }, { time: "seconds", ignored: NOTHING_IGNORED }),
    `v1:mtime=${2n ** 60n + 1n}:mode=0:uid=0:gid=0:type=fifo`,
  );
});

Deno.test("sameEntry() is whether wantText() says the same", () => {
  const metas = [{}, { mode: 1 }, { uid: 1 }, { gid: 1 }, { mtime: nanos(1n) }].map((one) => ({
    mode: 0,
    uid: 0,
    gid: 0,
    mtime: nanos(0n),
    ...one,
  }));
  const kinds = ["dir", "fifo", "sock"] as const;
  const entries: Present[] = metas.flatMap((meta): Present[] => [
    ...[0, 1].map((size) => ({ kind: "reg", meta, size }) as const),
    ...["a", "b"].map((target) => ({ kind: "lnk", meta, target }) as const),
    ...[0, 1].flatMap((rdev) => (["chr", "blk"] as const).map((kind) => ({ kind, meta, rdev }))),
    ...kinds.map((kind) => ({ kind, meta })),
  ]);
  for (const a of entries) {
    for (const b of entries) assert.equal(sameEntry(a, b), wantText(a) === wantText(b));
  }
});
