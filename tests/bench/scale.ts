export interface ScaleOptions {
  readonly dir: string;
  readonly ours: readonly string[];
}
export async function benchScale(_: ScaleOptions): Promise<void> {
  await Promise.reject(new Error("not yet"));
}
