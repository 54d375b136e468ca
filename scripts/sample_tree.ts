/** A small tree with what makes synchronisation difficult. */

/** Same bytes every time: xorshift32. */
export function* noise(seed: number): Generator<number, never, void> {
  let x = seed >>> 0 || 1;
  while (true) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    yield (x >>>= 0);
  }
}

/** `size` bytes that do not compress. */
export function noiseBytes(size: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(size / 4));
  const source = noise(seed);
  for (let at = 0; at < words.length; at++) words[at] = source.next().value;
  return new Uint8Array(words.buffer, 0, size);
}

/** Fills `tree`: 400 small files in 20 directories, links, odd names, one file of 24 MB. */
export function makeSampleTree(tree: string): void {
  Deno.writeTextFileSync(`${tree}/README`, "A tree to play with. Change anything.\n");
  for (let d = 0; d < 20; d++) {
    const dir = `${tree}/site/section-${d}`;
    Deno.mkdirSync(dir, { recursive: true });
    for (let f = 0; f < 20; f++) {
      Deno.writeTextFileSync(`${dir}/page-${f}.html`, `<h1>${d}.${f}</h1>\n`.repeat(f * 7 + 1));
    }
  }
  Deno.mkdirSync(`${tree}/odd names`, { recursive: true });
  const names = [
    "blank in name",
    "percent%20",
    "colon:and$dollar",
    "quote'\"",
    "new\nline",
    "ünïcödé",
  ];
  for (const name of names) Deno.writeTextFileSync(`${tree}/odd names/${name}`, `${name}\n`);
  Deno.symlinkSync("site/section-0", `${tree}/start`);
  Deno.symlinkSync("/nowhere/at all", `${tree}/dangling`);
  Deno.writeFileSync(`${tree}/big.bin`, noiseBytes(24_000_000, 7));
  Deno.writeTextFileSync(`${tree}/empty`, "");
  Deno.chmodSync(`${tree}/site/section-1/page-1.html`, 0o640);
}
