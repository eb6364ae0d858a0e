/** Some numbered rows as they were read in one go, the same object for everybody who gets them. */
export interface Piece<Row> {
  /** The number before the first row. */
  readonly after: number;
  readonly rows: readonly Row[];
  /** The number of the last row. */
  readonly cursor: number;
  /** What was made of it, once for all who want the same: see `derive`. */
  readonly derived: Map<string, unknown>;
}

/** The newest rows of a list that is numbered 1, 2, 3 …, in pieces. Older ones must be read from where they are stored. */
export class Tail<Row extends { readonly seq: number }> {
  #pieces: Piece<Row>[] = [];
  #rows = 0;
  readonly #rowsMax: number;
  #start: number;
  #end: number;

  /** Begins empty, after one number. */
  constructor(after: number, rowsMax: number) {
    this.#start = after;
    this.#end = after;
    this.#rowsMax = rowsMax;
  }

  /** What comes after this number is here. */
  get start(): number {
    return this.#start;
  }

  /** What comes after this number is not known yet. */
  get end(): number {
    return this.#end;
  }

  push(rows: readonly Row[], cursor: number): void {
    this.#pieces.push({ after: this.#end, rows, cursor, derived: new Map() });
    this.#rows += rows.length;
    this.#end = cursor;
    while (this.#rows > this.#rowsMax && this.#pieces.length > 1) {
      const gone = this.#pieces.shift()!;
      this.#rows -= gone.rows.length;
      this.#start = gone.cursor;
    }
  }

  /** What follows a number, as far as one piece goes; a part of it for who stands in its middle. Null: it is not here. */
  pieceAfter(after: number): Piece<Row> | null {
    if (after < this.#start || after >= this.#end) return null;
    const piece = this.#pieces.find(({ cursor }) => cursor > after)!;
    if (piece.after === after) return piece;
    const rows = piece.rows.filter(({ seq }) => seq > after);
    return { after, rows, cursor: piece.cursor, derived: new Map() };
  }
}

/** Makes something of a piece, once for all who ask with the same key. */
export function derive<Row, T>(piece: Piece<Row>, key: string, make: () => T): T {
  if (!piece.derived.has(key)) piece.derived.set(key, make());
  return piece.derived.get(key) as T;
}
