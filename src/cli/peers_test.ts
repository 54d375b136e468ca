import assert from "node:assert/strict";
import { Bed } from "../../tests/support/journey_bed.ts";
import type { ReportEvent } from "../report/mod.ts";
import { parseArgs } from "./args.ts";
import { warnUnknown } from "./peers.ts";

Deno.test("warnUnknown() tells peers and groups that do not exist, with -v", async () => {
  await using bed = new Bed("group g { host a.demo b.demo c.demo; key k; include @; }", {});
  const warnings = (...argv: string[]) => {
    const events: ReportEvent[] = [];
    const reporter = { note: (event: ReportEvent) => void events.push(event) };
    warnUnknown(parseArgs([...argv, "-x"]), { config: bed.config, reporter });
    for (const { level, isError } of events) assert.deepEqual([level, isError], [1, undefined]);
    return events.map(({ text }) => text);
  };
  assert.deepEqual(warnings(), []);
  assert.deepEqual(warnings("-P", "B.demo", "-G", "g"), []);
  assert.deepEqual(warnings("-P", "b.demo,bdemo", "-G", "g,h"), [
    'WARNING: -G: this host is in no group "h".',
    'WARNING: -P: no active group has a peer "bdemo".',
  ]);
});
