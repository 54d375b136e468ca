/** Deterministic trees: the same bytes on every machine. */
import { noise, noiseBytes } from "../../scripts/sample_tree.ts";

const FILES_PER_DIRECTORY = 64;
const DIRECTORIES_PER_TOP = 50;

export interface TreeOptions {
  /** Without content. @default small files mostly, 13.3 kB on average */
  readonly empty?: boolean;
}

const directory = (file: number) => Math.floor(file / FILES_PER_DIRECTORY);

function directoryOf(tree: string, file: number): string {
  return `${tree}/d${Math.floor(directory(file) / DIRECTORIES_PER_TOP)}/s${directory(file)}`;
}

export function pathOf(tree: string, file: number): string {
  return `${directoryOf(tree, file)}/file-${file}.dat`;
}

/** Sizes are below it: 70 of 100 files are small, one is large; 1.7 GB in 128,000 files. */
function largest(file: number): number {
  const kind = file % 100;
  return kind < 70 ? 4_000 : kind < 95 ? 20_000 : kind < 99 ? 80_000 : 1_500_000;
}

/** Makes `files` files. @returns their bytes */
export function makeTree(tree: string, files: number, { empty = false }: TreeOptions = {}): number {
  const pool = noiseBytes(4_000_000, 42);
  const random = noise(1);
  let bytes = 0;
  for (let at = 0; at < files; at++) {
    if (at % FILES_PER_DIRECTORY === 0) Deno.mkdirSync(directoryOf(tree, at), { recursive: true });
    const size = empty ? 0 : random.next().value % largest(at);
    const from = empty ? 0 : random.next().value % (pool.length - size);
    Deno.writeFileSync(pathOf(tree, at), pool.subarray(from, from + size));
    bytes += size;
  }
  return bytes;
}

/** Changes every `each`th file: some bytes in the middle. `round` makes each change a new one. */
export function changeSome(tree: string, files: number, { each = 128, round = 0 } = {}): void {
  const bytes = new TextEncoder().encode(`changed ${round}`);
  for (let at = 0; at < files; at += each) {
    using file = Deno.openSync(pathOf(tree, at), { read: true, write: true });
    file.seekSync(Math.floor(file.statSync().size / 2), Deno.SeekMode.Start);
    file.writeSync(bytes);
  }
}

/** Removes what is in a directory, and makes it when it is not there. */
export function empty(dir: string): void {
  Deno.removeSync(dir, { recursive: true });
  Deno.mkdirSync(dir);
}
