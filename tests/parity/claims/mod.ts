/** All claims. @module */
import type { Claim } from "../claim.ts";
import { CLI_CLAIMS } from "./cli.ts";
import { DATABASE_CLAIMS } from "./databases.ts";
import { FEATURE_CLAIMS } from "./features.ts";
import { MESSAGE_CLAIMS } from "./messages.ts";
import { WIRE_CLAIMS } from "./wire.ts";

export const CLAIMS: readonly Claim[] = [
  ...CLI_CLAIMS,
  ...MESSAGE_CLAIMS,
  ...WIRE_CLAIMS,
  ...DATABASE_CLAIMS,
  ...FEATURE_CLAIMS,
];
