/** The groups of the test suite: scripts/test.ts runs them, the ledger of scripts/parity.ts reads their results. */

export interface Group {
  readonly name: string;
  readonly paths: readonly string[];
  /** Programs that must be installed. */
  readonly programs?: readonly string[];
  readonly needsRoot?: boolean;
  /** Names of HOSTS must resolve. */
  readonly needsHosts?: boolean;
  readonly parallel?: boolean;
  /** Runs only when it is asked for: another group has its tests. */
  readonly onDemand?: boolean;
}

export const GROUPS: readonly Group[] = [
  { name: "unit", paths: ["src"], parallel: true, needsRoot: true },
  { name: "property", paths: ["tests/property"], parallel: true },
  { name: "contract", paths: ["tests/contract", "tests/parity"], needsRoot: true },
  { name: "fault", paths: ["tests/fault"], needsRoot: true },
  {
    name: "golden",
    paths: ["tests/golden"],
    needsRoot: true,
    needsHosts: true,
    programs: ["python3", "openssl"],
  },
  {
    name: "smoke",
    paths: ["tests/e2e/smoke_test.ts"],
    needsRoot: true,
    needsHosts: true,
    onDemand: true,
  },
  {
    name: "replace",
    paths: ["tests/e2e/replace_test.ts"],
    needsRoot: true,
    programs: ["csync2", "openssl", "perl", "unshare", "nsenter", "ip", "python3"],
    onDemand: true,
  },
  {
    name: "e2e",
    paths: ["tests/e2e"],
    needsRoot: true,
    needsHosts: true,
    programs: ["csync2", "openssl", "perl", "unshare", "nsenter", "ip", "python3", "sqlite3"],
  },
  {
    name: "interop",
    paths: ["tests/interop"],
    needsRoot: true,
    needsHosts: true,
    programs: ["csync2", "rdiff", "openssl"],
  },
];

/** Groups of which a whole run consists. */
export function groupsOfRun(): readonly string[] {
  return GROUPS.filter(({ onDemand = false }) => !onDemand).map(({ name }) => name);
}
