/** What the sessions that are cut are about: between them they use every command that changes something. */
import type { CutBedOptions } from "./cut_bed.ts";

export type Scenario = Pick<
  CutBedOptions,
  "before" | "change" | "known" | "unknown" | "group"
>;

/** Pseudo-random and always the same. */
function noise(bytes: number): string {
  const cipher = "openssl enc -aes-128-ctr -pass pass:x -pbkdf2 -nosalt";
  return `head -c ${bytes} /dev/zero | ${cipher} 2>/dev/null`;
}

/** Regular files: new, by delta, larger, removed, metadata only, time only, a conflict that is won. */
export const FILES: Scenario = {
  group: "auto younger;",
  before: `echo same > keep; echo old > small; seq 1000 1600 > delta; echo x > gone
    echo m > meta; echo t > time; echo c > confl`,
  change: `echo fresh > new; chmod 640 new; chown 3:4 new; echo changed > small; echo end >> delta
    ${noise(1_500)} > large; rm gone; chmod 4750 meta; chown 11:12 meta; echo mine > confl
    touch -d @1500000000.5 time
    touch -d @1600000000.123456789 new small delta large confl; touch -d @1600000000 .`,
  unknown: "echo theirs > confl; touch -d @1550000000 confl",
};

/** Everything else: directories, removed trees, links, type changes, FIFOs, a parent that is missing. */
export const TREES: Scenario = {
  before: `echo same > keep; mkdir -p t/u p m; echo 1 > t/u/1; echo 2 > t/2; ln -s keep l
    echo f > f2l; ln -s x l2f; mkdir d2f; echo f > f2d; echo p > p/f`,
  known: "rm -r p",
  change: `rm -r t; ln -sfn other l; chown -h 5:6 l; rm f2l; ln -s y f2l; rm l2f; echo file > l2f
    rmdir d2f; echo file2 > d2f; rm f2d; mkdir f2d; echo in > f2d/in; mkdir -p d/e; echo 1 > d/1
    echo 2 > d/e/2; chmod 2750 d; chown 5:6 d/e; chmod 700 m; chown 7:8 m; echo pp > p/f
    mkfifo q; chmod 604 q; chown 3:4 q
    touch -d @1600000000.123456789 l2f d2f f2d/in d/1 d/e/2 p/f q
    touch -d @1600000000 f2d d d/e m p .`,
};

/** Files that wait in temporary files, not in memory, and whose deltas come in many pieces. */
export const LARGE: Scenario = {
  before: `${noise(400_000)} > delta; echo old > grows`,
  change: `printf PATCHED | dd of=delta bs=1 seek=150000 conv=notrunc 2>/dev/null
    ${noise(300_000)} >> delta; ${noise(500_000)} > grows; ${noise(600_000)} > new
    chmod 604 new; chown 3:4 new; touch -d @1600000000.123456789 delta grows new
    touch -d @1600000000 .`,
};

/** So many small files that many are under way at once, and one that goes on where it was cut. */
export const MANY: Scenario = {
  before: `mkdir d gone; for f in $(seq 120); do echo old $f > d/$f; echo $f > gone/$f; done
    ${noise(100_000)} > delta`,
  change: `rm -r gone; mkdir d/e; for f in $(seq 61 180); do echo new $f > d/$f; done
    for f in $(seq 150); do seq $f > d/e/$f; chmod 6$((f % 8))0 d/e/$f; done
    ${
    noise(12_000_000)
  } > huge; printf PATCHED | dd of=delta bs=1 seek=50000 conv=notrunc 2>/dev/null
    find . -type f -newermt @1500000000 -exec touch -d @1600000000.123456789 {} +
    find . -type d -exec touch -d @1600000000 {} +`,
};
