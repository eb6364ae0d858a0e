/** Something that must not be, and what to do about it. */
export interface Violation {
  /** Which rule is broken: a short, stable name for programs. */
  readonly rule: string;
  /** Of what: an id, a process, a path. */
  readonly subject: string;
  /** What is wrong, for people. */
  readonly message: string;
  readonly remedy: string;
}
