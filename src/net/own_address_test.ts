import assert from "node:assert/strict";
import { ownAddressTest } from "./mod.ts";

function failing(code: string): (address: string) => void {
  return () => {
    throw Object.assign(new Error(code), { code });
  };
}
const anything = () => {};

Deno.test("ownAddressTest() asks the system: loopback is ours, an address for documents is not", () => {
  const isOwn = ownAddressTest();
  assert.ok(isOwn("127.0.0.1"));
  assert.ok(isOwn("127.34.9.9"));
  assert.ok(!isOwn("192.0.2.1"));
  assert.ok(!isOwn("2001:db8::1"));
});

Deno.test("ownAddressTest() needs an interface with the address, however it is spelled", () => {
  const isOwn = ownAddressTest({
    bind: anything,
    interfaceAddresses: () => ["10.0.0.1", "2001:db8::a", "fe80::1%eth0"],
  });
  for (
    const ours of [
      "10.0.0.1",
      "2001:DB8:0::a",
      "::ffff:10.0.0.1",
      "fe80::1%eth0",
      "127.9.9.9",
      "::1",
    ]
  ) {
    assert.ok(isOwn(ours), ours);
  }
  // What binds with net.ipv4.ip_nonlocal_bind, or always.
  for (const other of ["10.0.0.2", "10.0.0.255", "224.0.0.1", "0.0.0.0", "::", "::ffff:0.0.0.0"]) {
    assert.ok(!isOwn(other), other);
  }
});

Deno.test("ownAddressTest() asks for the interfaces once, and relies on binding where it is not told", () => {
  let asked = 0;
  const isOwn = ownAddressTest({
    bind: (address) => address === "10.0.0.1" || failing("EADDRNOTAVAIL")(address),
    interfaceAddresses: () => {
      asked++;
      throw new Error("not allowed");
    },
  });
  assert.ok(isOwn("10.0.0.1"));
  assert.ok(!isOwn("10.0.0.2"));
  assert.equal(asked, 1);
});

Deno.test("ownAddressTest() does not count an address that cannot be bound yet, or a missing family", () => {
  for (const code of ["EADDRNOTAVAIL", "EAFNOSUPPORT", "EINVAL"]) {
    const isOwn = ownAddressTest({ bind: failing(code), interfaceAddresses: () => ["10.0.0.1"] });
    assert.ok(!isOwn("10.0.0.1"), code);
    assert.ok(!isOwn("::1"), code);
  }
});

Deno.test("ownAddressTest() says it when the test itself fails", () => {
  const isOwn = ownAddressTest({ bind: failing("EMFILE"), interfaceAddresses: () => ["10.0.0.1"] });
  assert.throws(() => isOwn("10.0.0.1"), {
    code: "net/other",
    message: "Cannot test whether 10.0.0.1 is an address of this machine: Too many open files",
  });
});
