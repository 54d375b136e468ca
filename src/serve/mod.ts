/**
 * The receiving side: admit, check again, apply, record. Imports: model, report, config, delta,
 * reconcile, fs, state, protocol, apply, actions, check. @module
 */
export { Contexts, type ContextsOptions, type ServeContext } from "./context.ts";
export { Receiver, type ReceiverOptions } from "./receiver.ts";
export { type Doors, serve, serveOne, type ServeOptions } from "./serve.ts";
