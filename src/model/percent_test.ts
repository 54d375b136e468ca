/** tests/golden/urlencode.json, and what the C decoder gets wrong. */
import assert from "node:assert/strict";
import fc from "fast-check";
import golden from "../../tests/golden/urlencode.json" with { type: "json" };
import { utf8Bytes } from "./bytes.ts";
import { percentDecode, percentEncode, strictPercentDecode } from "./percent.ts";

Deno.test("golden urlencode: every byte from 1 to 127", () => {
  assert.equal(golden.ascii.length, 127);
  for (const { byte, encoded } of golden.ascii) {
    assert.equal(percentEncode(String.fromCharCode(byte)), encoded);
    assert.equal(percentDecode(encoded), String.fromCharCode(byte));
  }
});

Deno.test("percentEncode() leaves bytes from 0x80 up as they are", () => {
  for (let byte = 0x80; byte <= 0xff; byte++) {
    assert.equal(percentEncode(String.fromCharCode(byte)), String.fromCharCode(byte));
  }
});

for (const { text, encoded } of golden.strings) {
  Deno.test(`golden urlencode: ${JSON.stringify(text)}`, () => {
    assert.equal(percentEncode(utf8Bytes(text)), utf8Bytes(encoded));
    assert.equal(percentDecode(utf8Bytes(encoded)), utf8Bytes(text));
  });
}

// D 7.6.12: bad sequences stay, the C program makes a NUL of them, which ends the text.
const BAD: Readonly<Record<string, string>> = {
  "%%41": "%A",
  "%zz": "%zz",
  "x%00y": "x%00y",
  "%4z": "%4z",
};
for (const { stored, listed } of golden.decode) {
  const isBad = stored in BAD;
  Deno.test(`${isBad ? "D 7.6.12" : "golden urlencode: decode"} ${stored}`, () => {
    const want = isBad ? BAD[stored] : stored === "%E4" ? "\xe4" : utf8Bytes(listed.slice(2, -1));
    assert.equal(percentDecode(stored), want);
  });
}

Deno.test("W 20.13 strictPercentDecode() refuses NUL and malformed escapes", () => {
  for (const bad of ["%00", "a%00b", "%", "%4", "%zz", "%4z", "a%", "%%41"]) {
    assert.equal(strictPercentDecode(bad), undefined, bad);
  }
  assert.equal(strictPercentDecode("a%2fb%C3%bc"), "a/b\xc3\xbc");
  assert.equal(strictPercentDecode(""), "");
});

Deno.test("percentDecode() undoes percentEncode() for all bytes", () => {
  const all = Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1)).join("");
  assert.equal(percentDecode(percentEncode(all)), all);
  assert.equal(strictPercentDecode(percentEncode(all)), all);
  assert.equal(percentDecode(percentEncode(percentEncode(all))), percentEncode(all));
});

Deno.test("percentDecode() and percentEncode() do what their definitions say, for any text", () => {
  const pieces = fc.constantFrom("%", "%4", "41", "%41", "%00", "%zz", "%e4", "a", "\0", " ", "é");
  const texts = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(""));
  fc.assert(fc.property(texts, (text) => {
    const decoded = text.replace(
      /%([0-9A-Fa-f]{2})/g,
      (all, hex) => hex === "00" ? all : String.fromCharCode(parseInt(hex, 16)),
    );
    assert.equal(percentDecode(text), decoded);
    const encoded = text.replace(
      /[\x01-\x20\x7f"'%$:|\\]/g,
      (c) => "%" + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0"),
    );
    assert.equal(percentEncode(text), encoded);
  }));
});
