import assert from "node:assert/strict";
import type { HostName } from "../model/mod.ts";
import { configOf } from "../../tests/support/config.ts";
import {
  chooseOwnHost,
  type Finding,
  nobodyChosen,
  NotAMember,
  type TriedHost,
} from "./own_host.ts";

const OURS: Finding = { kind: "ours", address: "10.0.0.1" };
const ELSEWHERE: Finding = { kind: "elsewhere", addresses: ["10.0.0.2", "2001:db8::2"] };
const UNKNOWN: Finding = { kind: "unknown", reason: "Name or service not known" };
const SILENT: Finding = { kind: "no-answer", afterMs: 3_000 };

/** `name` or `name@address`. */
function tried(text: string, finding: Finding): TriedHost {
  const [name = "", address = name] = text.split("@");
  return { host: { name: name as HostName, address: address as HostName }, finding };
}

const CASES: { name: string; tried: TriedHost[]; want: string | undefined }[] = [
  { name: "nobody was tried", tried: [], want: undefined },
  { name: "nobody is here", tried: [tried("a", ELSEWHERE), tried("b", UNKNOWN)], want: undefined },
  { name: "one is here", tried: [tried("a", ELSEWHERE), tried("b", OURS)], want: "b b" },
  { name: "two are here", tried: [tried("a", OURS), tried("b", OURS)], want: undefined },
  {
    name: "one is here by two of its addresses",
    tried: [tried("a@one", ELSEWHERE), tried("a@two", OURS), tried("a", OURS)],
    want: "a two",
  },
  {
    name: "two share an address that is here",
    tried: [tried("a@x", OURS), tried("b@x", OURS)],
    want: undefined,
  },
  {
    name: "one is here, and others gave no answer",
    tried: [tried("a", SILENT), tried("b", OURS), tried("c", UNKNOWN)],
    want: "b b",
  },
];
for (const { name, tried, want } of CASES) {
  Deno.test(`D 7.1.17 chooseOwnHost() when ${name}`, () => {
    const chosen = chooseOwnHost(tried);
    assert.equal(chosen && `${chosen.name} ${chosen.address}`, want);
  });
}

const STRANGER = new NotAMember("This host (x) is not a member of any configured group.", {
  advice: "replaced",
  file: "/etc/csync2.cfg",
  candidates: [],
});

Deno.test("D 7.1.17 nobodyChosen() lists what was tried when nobody is here", () => {
  const { code, line } = nobodyChosen(STRANGER, [
    tried("a", ELSEWHERE),
    tried("b@b-lan", UNKNOWN),
    tried("c", SILENT),
  ]);
  assert.equal(code, "config/not-a-member");
  assert.equal(
    line,
    "This host (x) is not a member of any configured group. (/etc/csync2.cfg: none of its hosts has " +
      "an address of this machine: a (10.0.0.2 2001:db8::2, not of this machine), b@b-lan (Name or " +
      "service not known), c (no answer within 3 s); say with -N which one it is)",
  );
});

Deno.test("D 7.1.17 nobodyChosen() begins with those who are here when there are several", () => {
  const { advice } = nobodyChosen(STRANGER, [
    tried("a", ELSEWHERE),
    tried("b", OURS),
    tried("c", OURS),
  ]);
  assert.equal(
    advice,
    "/etc/csync2.cfg: more than one of its hosts has an address of this machine: b (10.0.0.1, of this " +
      "machine), c (10.0.0.1, of this machine), a (10.0.0.2 2001:db8::2, not of this machine); say " +
      "with -N which one it is",
  );
});

Deno.test("D 7.1.17 nobodyChosen() ends the list somewhere", () => {
  const many = Array.from({ length: 207 }, (_, at) => tried(`h${at}`, UNKNOWN));
  assert.match(nobodyChosen(STRANGER, many).advice!, /h199 \([^)]*\), and 7 more; say/);
});

const GROUPS = `group one { host a@a-lan (b) c; key k; }
group two { host A@a-lan b d@D-LAN; key k; }
`;

Deno.test("NotAMember has each host with its address once, slaves and all groups included", () => {
  assert.throws(() => configOf(GROUPS, { host: "x" }), (error) => {
    assert.ok(error instanceof NotAMember);
    assert.deepEqual(
      error.candidates.map(({ name, address }) => `${name} ${address}`),
      ["a a-lan", "b b", "c c", "d d-lan"],
    );
    return true;
  });
});

Deno.test("NotAMember has no candidates when a group that -G leaves out has the own name", () => {
  const options = { host: "c", groups: ["two"] };
  assert.throws(() => configOf(GROUPS, options), (error) => {
    assert.ok(error instanceof NotAMember);
    assert.deepEqual(error.candidates, []);
    return true;
  });
});
