import assert from "node:assert/strict";
import { JsonSink } from "./json_sink.ts";
import { Tee } from "./tee.ts";
import { TextSink } from "./text_sink.ts";
import { clockText, stampText, TimeStamps } from "./time_stamps.ts";
import { ProgressLine, sizeText } from "./progress_line.ts";
import type { DbName, HostName } from "../model/mod.ts";

function sink(verbosity: number) {
  const lines: string[] = [];
  const output: string[] = [];
  return {
    lines,
    output,
    sink: new TextSink({
      verbosity,
      message: (_level, line) => lines.push(line),
      output: (line) => output.push(line),
    }),
  };
}

Deno.test("TextSink prints nothing at the end when nothing was said and no error counted", () => {
  const { sink: quiet, lines } = sink(0);
  quiet.note({ event: "x", level: 1, text: "detail" });
  quiet.finish();
  assert.deepEqual(lines, []);
});

Deno.test("TextSink says how many errors there were, also without -v", () => {
  const { sink: s, lines } = sink(0);
  s.note({ event: "x", level: 1, text: "hidden, but an error", isError: true });
  s.finish();
  assert.deepEqual(lines, ["Finished with 1 errors."]);
  assert.equal(s.errors, 1);
});

Deno.test("TextSink ends a verbose run with both closing lines", () => {
  const { sink: s, lines } = sink(1);
  s.finish();
  assert.deepEqual(lines, ["Connection closed.", "Finished with 0 errors."]);
});

Deno.test("TextSink puts the prefix before every line and gives all levels to the full log", () => {
  const lines: string[] = [], log: string[] = [];
  const s = new TextSink({
    verbosity: 0,
    message: (_l, line) => lines.push(line),
    output: () => {},
    prefix: () => "[now] ",
    fullLog: (line) => log.push(line),
  });
  s.note({ event: "a", level: 0, text: "one\ntwo" });
  s.note({ event: "b", level: 3, text: "deep" });
  assert.deepEqual(lines, ["[now] one", "[now] two"]);
  assert.deepEqual(log, ["one\ntwo", "deep"]);
  assert.equal(s.wants(4), true);
});

Deno.test("stampText() has date, time, zone and offset", () => {
  assert.match(
    stampText(new Date(0)),
    /^TIMESTAMP: 19(70|69)-\d\d-\d\d \d\d:\d\d:\d\d \S+ \(GMT[+-]\d{4}\)$/,
  );
  assert.match(clockText(new Date(0)), /^\d\d:\d\d:\d\d$/);
});

Deno.test("TimeStamps stamps again after 300 s and ends with the total", () => {
  const lines: string[] = [];
  let seconds = 0;
  const stamps = new TimeStamps((line) => lines.push(line), () => new Date(seconds * 1_000));
  stamps.stampIfOld();
  assert.equal(lines.length, 1);
  seconds = 301;
  stamps.stampIfOld();
  assert.equal(lines.length, 2);
  seconds = 3_725;
  stamps.finish(false);
  assert.equal(lines.at(-1), "TOTALTIME: 1:02:05");
  stamps.finish(true);
  assert.match(lines.at(-1)!, /^TIMESTAMP/);
});

Deno.test("sizeText() has three digits and decimal units", () => {
  const rows = [[0, "0 B"], [999, "999 B"], [1_500, "1.50 kB"], [123_456_789, "123 MB"]] as const;
  for (const [bytes, text] of rows) assert.equal(sizeText(bytes), text);
});

Deno.test("ProgressLine redraws at most five times a second and clears itself", () => {
  const written: string[] = [];
  let ms = 0;
  const line = new ProgressLine({
    write: (text) => written.push(text),
    now: () => ms,
    columns: () => 40,
  });
  const peer = "b" as HostName;
  line.step({ peer, total: 3 });
  line.step({ peer, files: 1, bytes: 1_000 });
  assert.equal(written.length, 0);
  ms = 1_000;
  line.step({ peer, files: 1, bytes: 1_000 });
  assert.deepEqual(written, ["\rb: 2/3 files, 2.00 kB, 2.00 kB/s\x1b[K"]);
  line.clear();
  line.clear();
  assert.deepEqual(written.slice(1), ["\r\x1b[K"]);
});

Deno.test("JsonSink writes events, lines and the number of errors as JSON", () => {
  const lines: string[] = [];
  let ms = 0;
  const json = new JsonSink({ level: 1, output: (line) => lines.push(line), now: () => ms });
  json.progress({ peer: "b" as HostName, total: 2 });
  ms = 40;
  json.progress({ peer: "b" as HostName, files: 2, bytes: 300 });
  json.note({ event: "failed", level: 0, text: "caf\xc3\xa9", isError: true, size: 5n });
  json.note({ event: "detail", level: 2, text: "left out" });
  json.print("L\ta");
  json.finish();
  assert.deepEqual(lines.map((l) => JSON.parse(l)), [
    { event: "failed", level: 0, text: "café", isError: true, size: "5" },
    { event: "line", text: "L\ta" },
    { event: "peer-done", peer: "b", files: 2, bytes: 300, milliseconds: 40 },
    { event: "finished", errors: 1 },
  ]);
});

Deno.test("TextSink lets no name steer a terminal or look like another line", () => {
  const s = sink(1);
  const name = "/t/\x1b[2J\r\nFinished with 0 errors." as DbName;
  s.sink.note({ event: "file-updated", level: 1, text: `Updated ${name} from a.`, name });
  s.sink.note({ event: "b", level: 1, text: "reason\x07" });
  assert.deepEqual(s.lines, ["Updated /t/?[2J??Finished with 0 errors. from a.", "reason?"]);
});

Deno.test("D 7.4.9 JsonSink loses no byte of a name that is no UTF-8, and marks connections", () => {
  const lines: string[] = [];
  const json = new JsonSink({ level: 1, output: (line) => lines.push(line), now: () => 0 });
  json.print("plain", { event: "name", name: "/\xe9\n" });
  json.print("plain", { event: "name", name: "/\xc3\xa9" });
  const connection = json.ofConnection(7);
  connection.note({ event: "failed", level: 0, text: "bad", isError: true, parts: ["\xe9"] });
  connection.finish();
  assert.equal(json.errors, 1);
  assert.deepEqual(lines.map((l) => JSON.parse(l)), [
    { event: "name", name: "/\ufffd\n", nameHex: "2fe90a" },
    { event: "name", name: "/é" },
    { event: "failed", level: 0, text: "bad", isError: true, parts: ["\ufffd"], connection: 7 },
    { event: "connection-closed", connection: 7, errors: 1 },
  ]);
});

Deno.test("TextSink begins messages of a connection with its number, and ends it by itself", () => {
  const lines: string[] = [], log: string[] = [], ended: number[] = [];
  const s = new TextSink({
    verbosity: 1,
    message: (_l, line) => lines.push(line),
    output: () => {},
    prefix: () => "[now] ",
    fullLog: (line) => log.push(line),
    marksConnections: true,
    onConnection: (number) => () => ended.push(number),
  });
  const [one, two] = [s.ofConnection(1), s.ofConnection(2)];
  one.note({ event: "a", level: 1, text: "hello" });
  two.note({ event: "b", level: 0, text: "bad", isError: true });
  two.finish();
  one.finish();
  assert.deepEqual(lines, [
    "[now] <1> hello",
    "[now] <2> bad",
    "[now] <2> Connection closed.",
    "[now] <2> Finished with 1 errors.",
    "[now] <1> Connection closed.",
    "[now] <1> Finished with 0 errors.",
  ]);
  assert.equal(log[0], "<1> hello");
  assert.deepEqual(ended, [2, 1]);
  assert.equal(s.errors, 1);
});

Deno.test("Tee tells both, and counts the errors of one", () => {
  const [a, b] = [sink(0), sink(1)];
  const tee = new Tee(a.sink, b.sink);
  tee.note({ event: "x", level: 1, text: "detail", isError: true });
  tee.print("line");
  assert.deepEqual([tee.wants(0), tee.wants(1), tee.wants(2)], [true, true, false]);
  tee.ofConnection(3).note({ event: "y", level: 0, text: "bad", isError: true });
  assert.equal(tee.errors, 2);
  tee.finish();
  assert.deepEqual(a.lines, ["bad", "Finished with 2 errors."]);
  assert.deepEqual(b.lines, ["detail", "bad", "Connection closed.", "Finished with 2 errors."]);
  assert.deepEqual([a.output, b.output], [["line"], ["line"]]);
});
