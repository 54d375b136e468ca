/**
 * Makes the one binary: `deno task compile [--self-extracting] [--output FILE]`.
 *
 * The program is bundled first, one script per mode and what they share: a start reads little. Plain: `deno compile`,
 * whose base binary is downloaded, or given by DENORT_BIN (with DENO, the deno of the same version).
 * `--self-extracting`: one executable file from the running Deno and the bundle, made without any
 * download: a POSIX sh head, a gzip payload and its checksum.
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

/** What the program may do; it reads and changes files anywhere, through the C library. */
export const PERMISSIONS = [
  "--allow-read",
  "--allow-write",
  "--allow-net",
  "--allow-env",
  "--allow-sys",
  "--allow-ffi",
  "--allow-run=/bin/sh",
];

/**
 * A small young generation. PERF: measured on 128,000 files, peak memory of a check falls from 234 to
 * 123 MB, and no run becomes slower.
 */
export const RUNTIME_FLAGS = ["--v8-flags=--max-semi-space-size=4"];

const root = decodeURIComponent(new URL("..", import.meta.url).pathname);

async function deno(args: readonly string[], program = Deno.execPath()): Promise<string> {
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: root,
    stdout: "null",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(stderr);
  if (!success) throw new Error(`deno ${args[0]} failed:\n${text}`);
  return text;
}

/**
 * The program as plain JavaScript below `dir`, types checked. What is imported lazily gets a file of its
 * own: in a single one, modules such as node:sqlite would be loaded by every start.
 *
 * @returns the script to start
 */
export async function bundle(dir: string): Promise<string> {
  await deno(["check", "--quiet", "main.ts"]);
  const options = ["--quiet", "--platform", "deno", "--code-splitting", "--outdir", dir];
  await deno(["bundle", ...options, "main.ts"]);
  return `${dir}/main.js`;
}

/** `deno compile` without the code cache: it would lie in a world-writable folder and be trusted. */
async function compile(script: string, output: string): Promise<void> {
  const program = Deno.env.get("DENORT_BIN") === undefined ? undefined : Deno.env.get("DENO");
  const args = [
    "compile",
    "--quiet",
    "--no-code-cache",
    "--no-prompt",
    "--no-config",
    "--no-check",
  ];
  try {
    const flags = [...RUNTIME_FLAGS, ...PERMISSIONS];
    await deno([...args, ...flags, "--output", output, script], program);
  } catch (error) {
    throw new Error(
      `${(error as Error).message.trim()}\n\n` +
        "The base binary of deno compile could not be had. Either give one with DENORT_BIN (and the " +
        "deno of the same version with DENO), see scripts/denort.sh, or make a self-extracting file:\n" +
        "  deno task compile --self-extracting",
    );
  }
}

/**
 * The head. Extracts once into a folder that only the caller can write, named by the payload's
 * checksum, complete or not at all; then starts the program from there.
 */
function head(sum: string, payloadBytes: number): string {
  const plain = ["--no-prompt", "--no-code-cache", "--no-config", "--no-lock", "--quiet"];
  const flags = ["run", ...plain, ...RUNTIME_FLAGS, ...PERMISSIONS];
  const body = `#!/bin/sh
# csync2 in one file: this head, and a compressed archive behind it.
set -u
sum=${sum}
fail() { echo "csync2: $1" >&2; exit 1; }
if [ -n "\${CSYNC2_CACHE_DIR:-}" ]; then base=$CSYNC2_CACHE_DIR
elif [ "$(id -u)" = 0 ]; then base=/var/cache/csync2
elif [ -n "\${XDG_CACHE_HOME:-}" ]; then base=$XDG_CACHE_HOME/csync2
elif [ -n "\${HOME:-}" ]; then base=$HOME/.cache/csync2
else fail "no place to unpack: set CSYNC2_CACHE_DIR to a folder of your own"; fi
dir=$base/$sum
private() { # a real folder of ours that nobody else can write
  [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] || return 1
  case $(ls -ld "$1") in drwx?-??-?*) return 0 ;; *) return 1 ;; esac
}
complete() { private "$dir" && [ -x "$dir/deno" ] && [ -f "$dir/main.js" ]; }
pwd -P >/dev/null 2>&1 && [ -n "$PWD" ] || fail "the current directory does not exist any more"
if ! { private "$base" && complete; }; then
  mask=$(umask)
  umask 077
  [ -e "$base" ] || mkdir -p "$base" || fail "cannot make the folder to unpack to (set CSYNC2_CACHE_DIR)"
  private "$base" || fail "cannot unpack to $base: not a folder of yours that nobody else can write (set CSYNC2_CACHE_DIR)"
  tmp=$(mktemp -d "$base/unpack.XXXXXX") || fail "cannot unpack to $base"
  trap 'rm -rf "$tmp"' EXIT
  trap 'exit 1' HUP INT TERM
  got=$(tail -c ${payloadBytes} <"$0" | sha256sum | cut -d" " -f1)
  [ "$got" = "$sum" ] || fail "this file is damaged: its checksum does not match"
  tail -c ${payloadBytes} <"$0" | gzip -dc | tar -xf - -C "$tmp" || fail "cannot unpack to $tmp"
  # What a clean-up has left of it goes out of the way.
  if private "$dir" && ! complete; then mv -T "$dir" "$tmp/incomplete" 2>/dev/null; fi
  # Another start may have been faster: then theirs is as good.
  mv -T "$tmp" "$dir" 2>/dev/null || complete || fail "cannot install $dir: something else is there"
  rm -rf "$dir/incomplete"
  trap - EXIT HUP INT TERM
  [ ! -d "$tmp" ] || rm -rf "$tmp"
  umask "$mask"
fi
DENO_DIR=$dir/cache DENO_NO_UPDATE_CHECK=1 exec "$dir/deno" ${flags.join(" ")} "$dir/main.js" "$@"
exit 1
`;
  return body;
}

/** A plain file of an archive. */
interface Member {
  readonly name: string;
  readonly mode: number;
  readonly data: Uint8Array;
}

/** A tar archive of plain files: POSIX ustar, fixed times, so that equal input gives equal bytes. */
function tar(files: readonly Member[]): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const { name, mode, data } of files) {
    const header = new Uint8Array(512);
    const put = (text: string, at: number) => header.set(new TextEncoder().encode(text), at);
    put(name, 0);
    put(mode.toString(8).padStart(7, "0"), 100);
    put("0000000", 108);
    put("0000000", 116);
    put(data.length.toString(8).padStart(11, "0"), 124);
    put("00000000000", 136);
    put("        0", 148);
    put("ustar\x0000", 257);
    const sum = header.reduce((a, b) => a + b, 0);
    put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    blocks.push(header, data, new Uint8Array((512 - data.length % 512) % 512));
  }
  blocks.push(new Uint8Array(1_024));
  const size = blocks.reduce((n, b) => n + b.length, 0);
  const archive = new Uint8Array(size);
  let at = 0;
  for (const block of blocks) {
    archive.set(block, at);
    at += block.length;
  }
  return archive;
}

async function selfExtracting(scripts: string, output: string): Promise<void> {
  const names = [...Deno.readDirSync(scripts)].map((entry) => entry.name).sort();
  await writeSelfExtracting(output, [
    { name: "deno", mode: 0o755, data: await Deno.readFile(Deno.execPath()) },
    ...names.map((name) => ({ name, mode: 0o644, data: Deno.readFileSync(`${scripts}/${name}`) })),
  ]);
}

/** An executable file that unpacks these members, `deno` and `main.js` among them, and starts them. */
export async function writeSelfExtracting(
  output: string,
  members: readonly Member[],
): Promise<void> {
  const payload = gzipSync(tar(members), { level: 6 });
  const sum = createHash("sha256").update(payload).digest("hex");
  const file = await Deno.open(output, { write: true, create: true, truncate: true, mode: 0o755 });
  const writer = file.writable.getWriter();
  await writer.write(new TextEncoder().encode(head(sum, payload.length)));
  await writer.write(payload);
  await writer.close();
  await Deno.chmod(output, 0o755);
}

async function main(): Promise<void> {
  const { values: options } = parseArgs({
    args: Deno.args,
    options: { "self-extracting": { type: "boolean" }, "output": { type: "string" } },
  });
  const isSelfExtracting = options["self-extracting"] ?? false;
  const output = options.output ?? `${root}dist/csync2`;
  await Deno.mkdir(`${root}dist`, { recursive: true });
  const work = await Deno.makeTempDir({ prefix: "csync2-bundle-" });
  try {
    const script = await bundle(work);
    // Complete or not at all: an old binary keeps running while the new one takes its name.
    if (isSelfExtracting) await selfExtracting(work, `${output}.new`);
    else await compile(script, `${output}.new`);
    await Deno.rename(`${output}.new`, output);
  } finally {
    await Deno.remove(work, { recursive: true });
    await Deno.remove(`${output}.new`).catch(() => {});
  }
  const { size } = await Deno.stat(output);
  console.log(`${output}: ${(size / 1e6).toFixed(1)} MB`);
}

if (import.meta.main) {
  try {
    await main();
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
