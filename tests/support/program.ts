/** How tests start a csync2: ours from source, or the program named by CSYNC2_PROGRAM. */
import { PERMISSIONS } from "../../scripts/compile.ts";

export function fromFileUrl(url: URL): string {
  return decodeURIComponent(url.pathname);
}

export const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** A clean environment: nothing of the caller's but what a runtime needs. */
export function environment(systemDir: string): Record<string, string> {
  const keep = ["PATH", "HOME", "DENO_DIR", "DENO_NO_UPDATE_CHECK", "CSYNC2_CACHE_DIR"];
  const env: Record<string, string> = { CSYNC2_SYSTEM_DIR: systemDir, LC_ALL: "C", TZ: "UTC" };
  for (const name of keep) {
    const value = Deno.env.get(name);
    if (value !== undefined) env[name] = value;
  }
  return env;
}

export interface CommandOptions {
  readonly cwd: string;
  readonly env: Record<string, string>;
  /** Output is thrown away. */
  readonly quiet?: boolean;
  /** Redirection in sh's words, for further descriptors: `9>/tmp/x`. */
  readonly redirect?: string;
  /** In place of ours. */
  readonly program?: string;
}

/** The words that start our program: from source with the binary's permissions, or what CSYNC2_OURS names. */
export function ourWords(): string[] {
  const binary = Deno.env.get("CSYNC2_OURS");
  if (binary !== undefined) return [binary];
  return [Deno.execPath(), "run", ...PERMISSIONS, "--no-prompt", "--quiet", `${ROOT}main.ts`];
}

export function csync2Command(
  args: readonly string[],
  { cwd, env, quiet = false, redirect, program: other }: CommandOptions,
): Deno.Command {
  const program = other ?? Deno.env.get("CSYNC2_PROGRAM") ?? Deno.env.get("CSYNC2_OURS");
  let words = program === undefined ? ourWords() : program.split(" ");
  if (redirect !== undefined) words = ["/bin/sh", "-c", `exec "$0" "$@" ${redirect}`, ...words];
  return new Deno.Command(words[0]!, {
    args: [...words.slice(1), ...args],
    cwd,
    env,
    clearEnv: true,
    stdin: "null",
    stdout: quiet ? "null" : "piped",
    stderr: quiet ? "null" : "piped",
  });
}
