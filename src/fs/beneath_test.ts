import { equal } from "node:assert/strict";
import type { ErrnoName } from "../os/mod.ts";
import { failsAt } from "../../tests/support/fault.ts";
import { openBySteps, probeBeneath } from "./beneath.ts";

// What the two implementations do is in tests/contract/jail_test.ts.
for (const errno of ["ENOSYS", "EPERM", "EINVAL", "E2BIG"] satisfies ErrnoName[]) {
  Deno.test(`probeBeneath() chooses the walk by steps when openat2 says ${errno}`, async () => {
    const only = (call: string) => call === "openat2";
    equal((await failsAt(0, probeBeneath, { errno, only })).value, openBySteps);
  });
}
