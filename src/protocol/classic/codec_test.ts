import assert from "node:assert/strict";
import fc from "fast-check";
import { dbName, isDbName, percentEncode } from "../../model/mod.ts";
import {
  COMMAND_LINE_MAX_BYTES,
  commandLine,
  fitsCommandLine,
  listRow,
  maskKeys,
  parseCommandLine,
  parseListRow,
  parseNumber32,
  parseStreamHeader,
  parseWholeNumber,
} from "./codec.ts";

const many = (count: number) => Array.from({ length: count }, (_, i) => `t${i}`);

const COMMAND_LINES = [
  { line: "", word: undefined, args: [] },
  { line: " \t\r ", word: undefined, args: [] },
  { line: "BYE", word: "BYE", args: [] },
  { line: "bye\r", word: "BYE", args: [] },
  { line: "%66lush k /a", word: "FLUSH", args: ["k", "/a"] },
  { line: "\t SIG \t k  /a\tb\r", word: "SIG", args: ["k", "/a", "b"] },
  { line: "SIG k /a%20b%0Ac", word: "SIG", args: ["k", "/a b\nc"] },
  { line: "SIG k /\xc3\xa9", word: "SIG", args: ["k", "/\xc3\xa9"] },
  { line: "SIG k /a%00b", word: "SIG", args: ["k", undefined] },
  { line: "SIG k /a%zz", word: "SIG", args: ["k", undefined] },
  { line: "SIG k /a%4", word: "SIG", args: ["k", undefined] },
  { line: "S%00IG k", word: "", args: ["k"] },
  { line: many(40).join(" "), word: "T0", args: many(31).slice(1) },
];

for (const { line, word, args } of COMMAND_LINES) {
  Deno.test(`parseCommandLine() of ${JSON.stringify(line).slice(0, 40)}`, () => {
    assert.deepEqual(parseCommandLine(line), word === undefined ? undefined : { word, args });
  });
}

const byteString = fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 60 })
  .map((bytes) => String.fromCharCode(...bytes));

Deno.test("parseCommandLine() reads back what commandLine() wrote", () => {
  fc.assert(fc.property(fc.array(byteString, { maxLength: 30 }), (args) => {
    const line = commandLine("PATCH", ...args);
    assert(!/[\n\r\0]/.test(line));
    assert.deepEqual(parseCommandLine(line), { word: "PATCH", args });
  }));
});

Deno.test("fitsCommandLine() keeps room for the line feed", () => {
  assert(fitsCommandLine("x".repeat(COMMAND_LINE_MAX_BYTES - 1)));
  assert(!fitsCommandLine("x".repeat(COMMAND_LINE_MAX_BYTES)));
});

const STREAM_HEADERS = [
  { line: "octet-stream 0", want: 0 },
  { line: "octet-stream -0", want: 0 },
  { line: "octet-stream 12", want: 12 },
  { line: "octet-stream 12\r", want: 12 },
  { line: "octet-stream -1", want: "none" },
  { line: "octet-stream -77", want: "none" },
  { line: "ERROR", want: "none" },
  { line: "octet-stream", want: undefined },
  { line: "octet-stream ", want: undefined },
  { line: "octet-stream 1x", want: undefined },
  { line: "octet-stream 1 2", want: undefined },
  { line: "octet-stream 0x10", want: undefined },
  { line: "octet-stream 1e3", want: undefined },
  { line: "octet-stream +5", want: undefined },
  { line: "octet-stream 9007199254740991", want: Number.MAX_SAFE_INTEGER },
  { line: "octet-stream 9007199254740992", want: undefined },
  { line: "octet-stream 99999999999999999999", want: undefined },
  { line: "OK (cmd_finished).", want: undefined },
  { line: "", want: undefined },
] as const;

for (const { line, want } of STREAM_HEADERS) {
  Deno.test(`parseStreamHeader() of ${JSON.stringify(line)}`, () => {
    assert.equal(parseStreamHeader(line), want);
  });
}

const NUMBERS = [
  { text: "0", whole: 0n, small: 0 },
  { text: "-1", whole: -1n, small: -1 },
  { text: "4294967295", whole: 4294967295n, small: -1 },
  { text: "4294967294", whole: 4294967294n, small: 4294967294 },
  { text: "-2", whole: -2n, small: 4294967294 },
  { text: "-2147483648", whole: -2147483648n, small: 2147483648 },
  { text: "-2147483649", whole: -2147483649n, small: undefined },
  { text: "4294967296", whole: 4294967296n, small: undefined },
  { text: "9223372036854775807", whole: 9223372036854775807n, small: undefined },
  { text: "9223372036854775808", whole: undefined, small: undefined },
  { text: "-9223372036854775808", whole: -9223372036854775808n, small: undefined },
  { text: "", whole: undefined, small: undefined },
  { text: "-", whole: undefined, small: undefined },
  { text: "1.5", whole: undefined, small: undefined },
  { text: "0x1", whole: undefined, small: undefined },
  { text: " 1", whole: undefined, small: undefined },
  { text: undefined, whole: undefined, small: undefined },
];

for (const { text, whole, small } of NUMBERS) {
  Deno.test(`parseWholeNumber() and parseNumber32() of ${JSON.stringify(text)}`, () => {
    assert.equal(parseWholeNumber(text), whole);
    assert.equal(parseNumber32(text), small);
  });
}

Deno.test("parseListRow() reads back what listRow() wrote", () => {
  const part = byteString.filter((text) => !text.includes("/") && isDbName(`/${text}`));
  fc.assert(fc.property(part, byteString, (leaf, checkText) => {
    const row = { key: percentEncode(dbName(`/${leaf}`)), stored: percentEncode(checkText) };
    assert.deepEqual(parseListRow(listRow(row)), row);
  }));
});

const KEYS = [
  { encoded: "/a/b", key: "/a/b" },
  { encoded: "%25p%25", key: "%25p%25" },
  { encoded: "%25p%25/.a/b", key: "%25p%25/.a/b" },
  { encoded: "%25p%25/a%20b", key: "%25p%25/a%20b" },
  { encoded: "/%61", key: "/a" },
  { encoded: "/a b", key: "/a%20b" },
  { encoded: "/a:b", key: "/a%3Ab" },
  { encoded: "%p%/a", key: undefined },
  { encoded: "%25p%25/..", key: undefined },
  { encoded: "/a%2Fb", key: "/a/b" },
  { encoded: "/a%2F..%2Fb", key: undefined },
  { encoded: "//a", key: undefined },
  { encoded: "%25%25/a", key: undefined },
];
for (const { encoded, key } of KEYS) {
  Deno.test(`parseListRow() of a name that came as ${encoded}`, () => {
    assert.equal(parseListRow(`v1\t${encoded}`)?.key, key);
  });
}

for (const line of ["v1", "v1\t", "v1\tname", "v1\t/a/../b", "v1\t/a%00", "v1\t/a%zz", "v1\t/a/"]) {
  Deno.test(`parseListRow() refuses ${JSON.stringify(line)}`, () => {
    assert.equal(parseListRow(line), undefined);
  });
}

const MASKED = [
  { line: "SIG secret /a", shown: "SIG *** /a" },
  { line: "patch secret /a", shown: "patch *** /a" },
  { line: "%53IG secret /a", shown: "%53IG *** /a" },
  { line: "LIST host - secret secret", shown: "LIST host - *** ***" },
  { line: "NOSUCH secret", shown: "NOSUCH ***" },
  { line: "HELLO name", shown: "HELLO name" },
  { line: "CONFIG ", shown: "CONFIG " },
  { line: "octet-stream 12", shown: "octet-stream 12" },
  { line: "", shown: "" },
];

for (const { line, shown } of MASKED) {
  Deno.test(`maskKeys() of ${JSON.stringify(line)}`, () => assert.equal(maskKeys(line), shown));
}
