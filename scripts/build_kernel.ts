/**
 * Builds src/delta/kernel/kernel.wasm from the AssemblyScript beside it, and kernel_wasm.ts with the same
 * bytes in base64, so that the kernel is also part of a bundle or a compiled program. The build is
 * deterministic: same sources and same compiler version, same bytes.
 *
 * `deno task kernel` builds; `deno task kernel --check` builds in memory and compares with what is
 * checked in (exit code 1 when it differs).
 * @module
 */
import asc from "assemblyscript/asc";
import { Buffer } from "node:buffer";

const KERNEL_DIR = new URL("../src/delta/kernel/", import.meta.url);
const WASM_FILE = new URL("kernel.wasm", KERNEL_DIR);
const EMBEDDED_FILE = new URL("kernel_wasm.ts", KERNEL_DIR);
const ASC_OPTIONS = [
  "main.ts",
  ...["--outFile", "kernel.wasm", "--runtime", "stub", "--enable", "simd"],
  ...["-O3", "--converge", "--noAssert"],
];

/** Compiles the sources; nothing is written. */
async function compile(): Promise<Uint8Array> {
  const output: Uint8Array[] = [];
  const { error, stderr } = await asc.main(ASC_OPTIONS, {
    readFile: (name: string) => readSource(name),
    writeFile: (_name: string, data: Uint8Array | string) => {
      if (typeof data !== "string") output.push(data.slice());
    },
    listFiles: () => [],
  });
  const [wasm] = output;
  if (error !== null || wasm === undefined) {
    throw new Error(`Cannot compile the kernel: ${error?.message ?? "no output"}\n${stderr}`);
  }
  return wasm;
}

/** undefined for what does not exist: the compiler tries several names. */
function readSource(name: string): string | null {
  try {
    return Deno.readTextFileSync(new URL(`assembly/${name}`, KERNEL_DIR));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function embedded(wasm: Uint8Array): string {
  const lines = Buffer.from(wasm).toString("base64").match(/.{1,96}/g) ?? [];
  return [
    "/** Made by scripts/build_kernel.ts from kernel.wasm: do not edit. */",
    "// deno-fmt-ignore-file",
    "export const KERNEL_WASM_BASE64 = `",
    ...lines,
    "`;",
    "",
  ].join("\n");
}

/** Names of the checked-in files that differ from a fresh build. */
function differences(wasm: Uint8Array): string[] {
  const fresh = [
    { file: WASM_FILE, bytes: wasm },
    { file: EMBEDDED_FILE, bytes: new TextEncoder().encode(embedded(wasm)) },
  ];
  return fresh.filter(({ file, bytes }) => {
    try {
      return !Buffer.from(Deno.readFileSync(file)).equals(bytes);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return true;
      throw error;
    }
  }).map(({ file }) => file.pathname.split("/").at(-1) ?? "");
}

async function main(args: readonly string[]): Promise<number> {
  const [flag, ...rest] = args;
  if (rest.length > 0 || (flag !== undefined && flag !== "--check")) {
    console.error("usage: deno task kernel [--check]");
    return 2;
  }
  const wasm = await compile();
  if (flag === "--check") {
    const stale = differences(wasm);
    for (const name of stale) console.error(`${name} differs from a fresh build: deno task kernel`);
    if (stale.length === 0) console.log(`kernel.wasm is up to date (${wasm.length} bytes)`);
    return stale.length === 0 ? 0 : 1;
  }
  Deno.writeFileSync(WASM_FILE, wasm);
  Deno.writeTextFileSync(EMBEDDED_FILE, embedded(wasm));
  console.log(`kernel.wasm: ${wasm.length} bytes`);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
