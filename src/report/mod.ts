/** What the journeys say, and how it is shown. Imports: model. @module */
export {
  type ConnectionReporter,
  type Level,
  MemoryReporter,
  type PrintedRow,
  type Progress,
  type Reporter,
  type ReportEvent,
} from "./reporter.ts";
export { TextSink, type TextSinkOptions } from "./text_sink.ts";
export { clockText, stampText, TimeStamps } from "./time_stamps.ts";
export { JsonSink, type JsonSinkOptions } from "./json_sink.ts";
export { Tee } from "./tee.ts";
export { ProgressLine, type ProgressLineOptions, sizeText } from "./progress_line.ts";
