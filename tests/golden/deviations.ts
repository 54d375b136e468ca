/** What we answer differently on purpose, step by step: `file/case#step` -> our answer and its reason. */
import type { Deviation } from "./steps.ts";

export const DEVIATIONS: Readonly<Record<string, Deviation>> = {};
