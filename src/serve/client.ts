/** The client of one connection: who it is and what it is about, for all handlers that answer it. */
import type { Config } from "../config/mod.ts";
import type { HostName, ScheduledAction } from "../model/mod.ts";
import type { KeyedIdentity, KeyProofs } from "../protocol/mod.ts";
import type { Reporter } from "../report/mod.ts";
import type { Contexts, Workplace } from "./context.ts";
import { type Channel, identify, identifyByKeys, type IdentifyOptions } from "./identify.ts";
import type { Pace } from "./pace.ts";
import type { Share } from "./permits.ts";
import { Signed } from "./signed.ts";

export interface ClientOptions {
  readonly contexts: Contexts;
  readonly reporter: Reporter;
  /** Numeric address of the client; undefined when unknown. */
  readonly address: string | undefined;
  readonly resolvesTo: (name: string, address: string) => Promise<boolean>;
  /** Used when the client names no configuration: our own `-C` (W 4.1). @default {""} */
  readonly configName?: string;
  /** Longest file taken. @default no limit but the disk's */
  readonly maxFileBytes?: number;
  /** Longest wait for another request on the same path. @default {60_000} */
  readonly lockWaitMs?: number;
  /** How fast content has to come at least. */
  readonly pace?: Pace;
  /** For files that are being received: each one keeps descriptors open. This connection's share. */
  readonly puts?: Share;
}

export class Client {
  readonly options: ClientOptions;
  /** What SIG has shown it. */
  readonly signed = new Signed();
  #channel: Channel;
  #place: Workplace | undefined;
  /** With `GROUP` in force; checks and copies go by the whole configuration. */
  #config: Config | undefined;
  #groups: readonly string[] | undefined;
  #identity: HostName | undefined;
  #hasScheduled = false;

  constructor(options: ClientOptions) {
    this.options = options;
    this.#channel = { address: options.address, isEncrypted: false, certificate: undefined };
  }

  secured(certificate: Uint8Array | undefined): void {
    this.#channel = { ...this.#channel, isEncrypted: true, certificate };
  }

  /** @throws what opening the configuration throws */
  async configure(name: string): Promise<void> {
    const { contexts, configName = "" } = this.options;
    this.#place = await contexts.lease(name === "" ? configName : name);
    this.#config = this.#place.config;
  }

  /** False: it was restricted before. */
  restrictGroups(list: readonly string[]): boolean {
    if (this.#groups !== undefined) return false;
    this.#groups = list;
    const config = this.configured;
    this.#config = { ...config, groups: config.groups.filter(({ name }) => list.includes(name)) };
    return true;
  }

  /** Any earlier identity is dropped first. */
  async identify(name: string): Promise<"ok" | "failed" | "encryption-expected"> {
    this.#identity = undefined;
    const result = await identify(name, this.#identifyOptions);
    if (result === "ok") this.#identity = name as HostName;
    return result;
  }

  async identifyByKeys(name: string, shown: KeyProofs): Promise<KeyedIdentity> {
    this.#identity = undefined;
    const result = await identifyByKeys(name, shown, {
      ...this.#identifyOptions,
      restricted: this.configured,
    });
    if (result.kind === "ok") this.#identity = name as HostName;
    return result;
  }

  get #identifyOptions(): IdentifyOptions {
    const { config, state } = this.workplace;
    const { reporter, resolvesTo } = this.options;
    return { config, state, reporter, channel: this.#channel, resolvesTo };
  }

  /** Undefined as long as it has not said who it is. */
  get identity(): HostName | undefined {
    return this.#identity;
  }

  get isKnown(): boolean {
    const { groups = [] } = this.#place?.config ?? {};
    return groups.some(({ peers }) => peers.some(({ name }) => name === this.#identity));
  }

  scheduled(actions: readonly ScheduledAction[]): void {
    if (actions.length === 0) return;
    this.#hasScheduled = true;
    this.workplace.runner.scheduled(actions);
  }

  /** Whether commands were scheduled that `runner` has not run yet. */
  get hasScheduled(): boolean {
    return this.#hasScheduled;
  }

  /** Of the configuration in use, until it is left. */
  get runner(): Workplace["runner"] | undefined {
    return this.#place?.runner;
  }

  get workplace(): Workplace {
    if (this.#place === undefined) throw new Error("configure() has to come first");
    return this.#place;
  }

  get configured(): Config {
    if (this.#config === undefined) throw new Error("configure() has to come first");
    return this.#config;
  }

  /** Gives the workplace back. */
  async leave(): Promise<void> {
    const place = this.#place;
    this.#place = undefined;
    await place?.release();
  }
}
