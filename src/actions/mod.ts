/** The only code that runs commands from the configuration. Imports: model, config, os, state. @module */
export { type Cause, type Run, runsOf, scheduleFor, shellWord } from "./choose.ts";
export { ActionRunner, runActions, type RunActionsOptions } from "./run.ts";
