/** All rows of the ledger, from the texts of the specifications. */
import {
  databaseRows,
  exitRows,
  keywordRows,
  modeRows,
  optionRows,
  schemaRows,
} from "./rows_cli.ts";
import { companionRow, defectRows, forkRows } from "./rows_defects.ts";
import { messageRows, wireMessageRows } from "./rows_messages.ts";
import { commandRows, replyRows } from "./rows_wire.ts";
import { merged, type Row } from "./row.ts";
import { specText } from "./spec_text.ts";

export function allRows(): Row[] {
  const local = specText("D");
  const wire = specText("W");
  const replies = merged(replyRows(wire));
  return merged([
    ...optionRows(local),
    ...modeRows(local),
    ...exitRows(local),
    ...keywordRows(local),
    ...databaseRows(local),
    ...schemaRows(local),
    ...messageRows(local),
    ...wireMessageRows(wire, new Set(replies.map((r) => r.text))),
    ...commandRows(wire),
    ...replies,
    companionRow(local),
    ...forkRows(local, wire),
    ...defectRows("D", local),
    ...defectRows("W", wire),
  ]);
}
