/** What the journeys say, free of where it goes. Imports: model. @module */
export {
  type Level,
  MemoryReporter,
  type Progress,
  type Reporter,
  type ReportEvent,
} from "./reporter.ts";
