/** `--check-config`: what in the configuration is allowed, but hardly meant (D 7.1.13). Changes nothing. */
import {
  type Config,
  linkOnPassage,
  loadSuspicions,
  locate,
  type Passage,
  type Suspicion,
  suspicionLine,
} from "../config/mod.ts";
import { openReadJail, type ReadJail } from "../fs/mod.ts";
import { type DbName, type Located, show, utf8Bytes } from "../model/mod.ts";
import { OsError } from "../os/mod.ts";
import type { Reporter } from "../report/mod.ts";
import { EXIT_ERRORS, EXIT_OK } from "./modes.ts";
import { loadOwnConfig } from "./own_config.ts";
import { type SessionParts, systemDir } from "./session.ts";

/**
 * Prints a line for each finding, in order of the text; then the configuration is read as by any other
 * command, so that an error of it, or of who this host is, comes last.
 *
 * @returns 0 when there is nothing to say
 * @throws ConfigError
 */
export async function checkConfig(parts: SessionParts): Promise<number> {
  const { invocation: { configName, hostName, groups }, host, reporting: { reporter } } = parts;
  const file = { systemDir: systemDir(host), configName };
  const found = loadSuspicions(file);
  let config: Config | undefined, failure: unknown;
  try {
    ({ config } = await loadOwnConfig({
      ...file,
      hostName,
      ...(groups && { groupFilter: groups }),
      onNote: (level, text) => reporter.note({ event: "note", level, text }),
    }));
  } catch (error) {
    failure = error;
  }
  const count = tell(found, { config, reporter });
  if (failure !== undefined) throw failure;
  return count === 0 ? EXIT_OK : EXIT_ERRORS;
}

/** Passages can be looked at only when it is known where prefixes lead on this host. */
function tell(
  found: readonly (Suspicion | Passage)[],
  { config, reporter }: { readonly config: Config | undefined; readonly reporter: Reporter },
): number {
  using jail = openReadJail();
  let count = 0;
  for (const one of found) {
    const suspicion = one.kind === "suspicion"
      ? one
      : config === undefined
      ? undefined
      : lookAt(one, { config, jail });
    if (suspicion === undefined) continue;
    count++;
    const { file, line, column } = suspicion.at;
    const place = { file, line: `${line}`, column: `${column}` };
    const text = utf8Bytes(suspicion.text);
    reporter.print(utf8Bytes(suspicionLine(suspicion)), {
      event: "config-warning",
      ...place,
      text,
    });
  }
  return count;
}

function lookAt(
  passage: Passage,
  { config, jail }: { readonly config: Config; readonly jail: ReadJail },
): Suspicion | undefined {
  const at = locate(config, passage.directory as DbName);
  if (at === undefined) return undefined;
  try {
    const link = firstLink(at, jail);
    return link === undefined ? undefined : linkOnPassage(passage, show(link));
  } catch (error) {
    if (!(error instanceof OsError)) throw error;
    const text = `${passage.pattern}: its directory cannot be looked at: ${error.message}`;
    return { kind: "suspicion", at: passage.at, text };
  }
}

/** The first part of the path below its anchor that is a symbolic link. @throws OsError */
function firstLink({ anchor, below }: Located, jail: ReadJail): string | undefined {
  const parts = below.split("/");
  for (let count = 1; count <= parts.length; count++) {
    const part = parts.slice(0, count).join("/");
    const { kind } = jail.look({ anchor, below: part });
    if (kind === "lnk") return `${anchor === "/" ? "" : anchor}/${part}`;
    if (kind !== "dir") return undefined;
  }
  return undefined;
}
