import assert from "node:assert/strict";
import { familyOf, normalAddress, sameAddress } from "./mod.ts";
import { isLoopback, isUnspecified, unmapped } from "./address.ts";

const FAMILIES: [text: string, family: 4 | 6 | undefined][] = [
  ["127.0.0.1", 4],
  ["255.255.255.255", 4],
  ["256.0.0.1", undefined],
  ["1.2.3", undefined],
  ["01.2.3.4", undefined],
  ["1.2.3.4 ", undefined],
  ["::", 6],
  ["::1", 6],
  ["fe80::1%eth0", 6],
  ["2001:db8:0:0:0:0:0:1", 6],
  ["::ffff:1.2.3.4", 6],
  ["1:2:3:4:5:6:1.2.3.4", 6],
  ["1:2:3:4:5:6:7", undefined],
  ["1:2:3:4:5:6:7:8:9", undefined],
  ["1::2::3", undefined],
  ["1:2:3:4::5:6:7:8", undefined],
  ["12345::", undefined],
  ["1.2.3.4::", undefined],
  [":1:2:3:4:5:6:7", undefined],
  ["", undefined],
  ["host.example", undefined],
  ["cafe", undefined],
];
for (const [text, family] of FAMILIES) {
  Deno.test(`familyOf("${text}") is ${family}`, () => assert.equal(familyOf(text), family));
}

const SAME: [a: string, b: string, isSame: boolean][] = [
  ["1.2.3.4", "1.2.3.4", true],
  ["1.2.3.4", "::ffff:1.2.3.4", true],
  ["::FFFF:102:304", "1.2.3.4", true],
  ["::1", "0:0:0:0:0:0:0:1", true],
  ["2001:DB8::a", "2001:db8:0:0::000a", true],
  ["fe80::1%eth0", "fe80::1", true],
  ["1.2.3.4", "1.2.3.5", false],
  ["::1.2.3.4", "1.2.3.4", false],
  ["::1", "127.0.0.1", false],
  ["host", "host", false],
  ["", "", false],
];
for (const [a, b, isSame] of SAME) {
  Deno.test(`sameAddress("${a}", "${b}") is ${isSame}`, () => {
    assert.equal(sameAddress(a, b), isSame);
    assert.equal(sameAddress(b, a), isSame);
  });
}

Deno.test("unmapped() changes mapped addresses only", () => {
  assert.equal(unmapped("::ffff:127.0.0.1"), "127.0.0.1");
  assert.equal(unmapped("fe80::1%eth0"), "fe80::1%eth0");
  assert.equal(unmapped("::1"), "::1");
  assert.equal(normalAddress("no address"), "no address");
});

Deno.test("isLoopback() and isUnspecified() know every spelling, and nothing else", () => {
  for (
    const ours of ["127.0.0.1", "127.0.1.1", "127.255.255.254", "::1", "0::1", "::ffff:127.0.0.9"]
  ) {
    assert.ok(isLoopback(ours), ours);
  }
  for (const other of ["128.0.0.1", "10.127.0.1", "::", "::127.0.0.1", "fe80::1", "127.example"]) {
    assert.ok(!isLoopback(other), other);
  }
  for (const none of ["0.0.0.0", "::", "0:0::0", "::ffff:0.0.0.0"]) {
    assert.ok(isUnspecified(none), none);
  }
  for (const some of ["127.0.0.1", "0.0.0.1", "::1", ""]) assert.ok(!isUnspecified(some), some);
});
