/** Configurations from text, without a disk: for tests. */
import { type Config, parseConfig } from "../../src/config/mod.ts";
import { type Key, utf8Bytes } from "../../src/model/mod.ts";

export interface ConfigOfOptions {
  /** @default {"a.demo"} */
  readonly host?: string;
  /** `-G` */
  readonly groups?: readonly string[];
  /** Gets `LEVEL text`. */
  readonly notes?: string[];
  /** Further files that `config` statements may name. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The key that a key file of this name has. */
export function keyOf(file: string): Key {
  return `${file}.${"k".repeat(32)}` as Key;
}

/** @throws ConfigError */
export function configOf(
  text: string,
  { host = "a.demo", groups, notes, files = {} }: ConfigOfOptions = {},
): Config {
  return parseConfig({ file: "/etc/csync2.cfg", text: utf8Bytes(text) }, {
    systemDir: "/etc",
    configName: "",
    hostName: host,
    groupFilter: groups,
    onNote: (level, note) => notes?.push(`${level} ${note}`),
    readKey: keyOf,
    include: ({ name }) => [{ file: name, text: utf8Bytes(files[name] ?? "") }],
  });
}
