import assert from "node:assert/strict";
import { hex, unhex } from "../../tests/support/delta_bytes.ts";
import { DeltaParser } from "./delta_parser.ts";

/** Commands as text; literals that were cut by pieces are joined. */
function parse(bytes: Uint8Array, pieceBytes: number): string {
  const parser = new DeltaParser();
  let out = "";
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    for (const command of parser.commands(bytes.subarray(at, at + pieceBytes))) {
      if (command.kind === "literal") out += hex(command.bytes);
      else out += `[${command.offset}+${command.length}]`;
    }
  }
  parser.finish();
  return out;
}

const GOOD: readonly (readonly [string, string, string])[] = [
  ["nothing", "00", ""],
  ["short literals", "02585901ff00", "5859ff"],
  [
    "a literal of each width",
    "4102aaaa420002bbbb4300000001cc440000000000000001dd00",
    "aaaabbbbccdd",
  ],
  [
    "copies, offset in 1 byte",
    "450102 46010002 470100000002 48010000000000000002 00",
    "[1+2]".repeat(4),
  ],
  [
    "copies, offset in 2 bytes",
    "49000102 4a00010002 4b000100000002 4c00010000000000000002 00",
    "[1+2]".repeat(4),
  ],
  [
    "copies, offset in 4 bytes",
    "4d0000000102 4e000000010002 4f0000000100000002 50000000010000000000000002 00",
    "[1+2]".repeat(4),
  ],
  [
    "copies, offset in 8 bytes",
    "51000000000000000102 5200000000000000010002" +
    "53000000000000000100000002 5400000000000000010000000000000002 00",
    "[1+2]".repeat(4),
  ],
  ["a literal between copies", "450001 03aabbcc 450101 00", "[0+1]aabbcc[1+1]"],
  ["anything behind END", "01aa00 ff55deadbeef", "aa"],
  [
    "numbers beyond every file",
    "54 7fffffffffffffff 7fffffffffffffff 00",
    "[9223372036854776000+9223372036854776000]",
  ],
];
for (const [name, digits, want] of GOOD) {
  Deno.test(`DeltaParser reads ${name}`, () => {
    for (const pieceBytes of [1, 2, 3, 5, 1000]) {
      assert.equal(parse(unhex(`72730236${digits}`), pieceBytes), want, `pieces of ${pieceBytes}`);
    }
  });
}

const BAD: readonly (readonly [string, string, string])[] = [
  ["nothing at all", "", "truncated"],
  ["half a magic number", "7273", "truncated"],
  ["a wrong magic number", "5858585800", "magic"],
  ["a signature", "727301360000080000000010", "magic"],
  ["no END", "72730236", "truncated"],
  ["no END behind a command", "7273023601aa", "truncated"],
  ["a cut literal", "7273023605aabb", "truncated"],
  ["a cut number", "727302364200", "truncated"],
  ["a literal of length 0 in 1 byte", "7273023641 00 00", "empty-command"],
  ["a literal of length 0 in 8 bytes", "7273023644 0000000000000000 00", "empty-command"],
  ["a copy of length 0 in 1 byte", "7273023645 00 00 00", "empty-command"],
  [
    "a copy of length 0 in 8 bytes",
    "7273023654 0000000000000001 0000000000000000 00",
    "empty-command",
  ],
  ["the first reserved opcode", "7273023655 00", "opcode"],
  ["the last reserved opcode", "72730236ff 00", "opcode"],
  ["a reserved opcode behind commands", "72730236 01aa 450001 80 00", "opcode"],
  ["a length with the top bit", "7273023644 8000000000000001", "number"],
  ["an offset with the top bit", "7273023651 8000000000000000 01", "number"],
  ["a length with all bits", "7273023648 00 ffffffffffffffff", "number"],
];
for (const [name, digits, code] of BAD) {
  Deno.test(`DeltaParser refuses ${name}`, () => {
    for (const pieceBytes of [1, 3, 1000]) {
      assert.throws(() => parse(unhex(digits), pieceBytes), {
        name: "DeltaError",
        code: `delta/${code}`,
      });
    }
  });
}

Deno.test("DeltaParser refuses all 171 reserved opcodes", () => {
  for (let opcode = 0x55; opcode <= 0xff; opcode++) {
    const bytes = Uint8Array.of(0x72, 0x73, 0x02, 0x36, opcode, 0);
    assert.throws(() => parse(bytes, 100), { code: "delta/opcode" });
  }
});
