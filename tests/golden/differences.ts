/** Golden cases that we answer differently on purpose; the README shows the same list. */
export interface Difference {
  /** `FILE/CASE`. */
  readonly case: string;
  /** What we do instead, and why. */
  readonly why: string;
  /** Section of the specification that says so. */
  readonly spec: string;
}

export const DIFFERENCES: readonly Difference[] = [
  {
    case: "transcripts/23-replies-2.1-0rc1",
    why: "a bare ATOMICPATCH before HELLO marks our own client: answered like 2.1.1, in nanoseconds",
    spec: "W 18.3",
  },
  {
    case: "transcripts/24-replies-2.1.1",
    why: "an unknown command is answered with the spelling of the Debian build",
    spec: "W 3",
  },
  {
    case: "transcripts/27-patch-onto-nonempty-directory",
    why: "refused with an error line before send_data, never a stream of length -1",
    spec: "W 20.3",
  },
  {
    case: "transcripts/29-sig-io-error-desync",
    why: "SIG of an unreadable file is an error line, so that C clients stay in step",
    spec: "W 20.2",
  },
  {
    case: "transcripts/32-mixed-211-to-rc1",
    why: "ATOMICPATCH is understood, with any client",
    spec: "W 18.4",
  },
  {
    case: "transcripts/34-delta-read-as-commands",
    why: "the promised delta is taken before the refusal and never executed",
    spec: "W 20.1",
  },
];
