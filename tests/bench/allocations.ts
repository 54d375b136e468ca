/**
 * What a process allocates, by function: V8's sampling heap profiler over the inspector, with what the
 * garbage collector has taken since. The process must wait for the debugger: `--inspect-wait=127.0.0.1:PORT`.
 */

const INTERVAL_BYTES = 8_192;
const POLL_MS = 500;

interface SampledNode {
  readonly callFrame: { functionName: string; url: string; lineNumber: number };
  readonly selfSize: number;
  readonly children: readonly SampledNode[];
}

/** A process that is at its end waits until nobody is attached any more. */
const ENDS = ["Runtime.executionContextDestroyed", "NodeRuntime.waitingForDisconnect"];
const LAST_ANSWER_MS = 2_000;

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly result?: { readonly profile?: { readonly head: SampledNode } };
}

export class Allocations implements Disposable {
  #next = 0;
  #last: SampledNode | undefined;
  readonly #asked = new Map<number, (answer: Answer) => void>();
  readonly #timer: ReturnType<typeof setInterval>;

  private constructor(private readonly socket: WebSocket) {
    socket.onmessage = ({ data }) => {
      const answer = JSON.parse(data) as Answer;
      if (answer.id !== undefined) this.#asked.get(answer.id)?.(answer);
      if (ENDS.includes(answer.method ?? "")) this.#end();
    };
    this.#timer = setInterval(() => this.#look(), POLL_MS);
  }

  /** Connects, and lets the process run. */
  static async attach(port: number): Promise<Allocations> {
    const socket = new WebSocket(await debuggerUrl(port));
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`Cannot attach to the process on port ${port}`));
    });
    socket.onerror = () => {}; // the process has ended
    const all = new Allocations(socket);
    await all.#ask("HeapProfiler.startSampling", {
      samplingInterval: INTERVAL_BYTES,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    await all.#ask("NodeRuntime.notifyWhenWaitingForDisconnect", { enabled: true });
    await all.#ask("Runtime.enable");
    await all.#ask("Runtime.runIfWaitingForDebugger");
    return all;
  }

  #ask(method: string, params = {}): Promise<Answer> {
    const id = ++this.#next;
    this.socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => this.#asked.set(id, resolve));
  }

  async #end(): Promise<void> {
    let timer;
    const late = new Promise((resolve) => timer = setTimeout(resolve, LAST_ANSWER_MS));
    await Promise.race([this.#look(), late]);
    clearTimeout(timer);
    this[Symbol.dispose]();
  }

  async #look(): Promise<void> {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const { result } = await this.#ask("HeapProfiler.getSamplingProfile");
    this.#last = result?.profile?.head ?? this.#last;
  }

  /** Bytes by function so far. */
  bytes(root: string): Map<string, number> {
    const sums = new Map<string, number>();
    const visit = ({ callFrame, selfSize, children }: SampledNode) => {
      const file = callFrame.url.replace(/^file:\/\//, "").replace(root, "");
      const place = file === "" ? "" : ` ${file}:${callFrame.lineNumber + 1}`;
      const name = `${callFrame.functionName || "(anonymous)"}${place}`;
      sums.set(name, (sums.get(name) ?? 0) + selfSize);
      children.forEach(visit);
    };
    if (this.#last !== undefined) visit(this.#last);
    return sums;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.socket.close();
  }
}

async function debuggerUrl(port: number): Promise<string> {
  for (let waited = 0; waited < 10_000; waited += 50) {
    try {
      const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
      return targets[0].webSocketDebuggerUrl;
    } catch {
      await new Promise((r) => setTimeout(r, 50));
    }
  }
  throw new Error(`No process waits for a debugger on port ${port}`);
}
