/** Something that takes work through eight steps that do nothing, and stores each of them before the next. */
export interface Engine {
  readonly name: string;
  /** Makes one more piece of work; resolves with its id, once it is stored. */
  trigger(): Promise<string>;
  /** How many pieces have not ended yet. */
  countOpen(): Promise<number>;
  close(): Promise<void>;
}

export interface EngineOptions {
  /** How many pieces it may work on at a time. */
  readonly workers: number;
  /** Told when the first step of a piece runs. */
  onStart(id: string): void;
}
