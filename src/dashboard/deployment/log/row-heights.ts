const BLOCK_ROWS = 512;

/**
 * Where each row begins when nearly all are equally high. Only those that are not are kept, summed up by blocks, so that
 * a row more costs nothing and any place is found among millions.
 */
export class RowHeights {
  readonly #usualPx: number;
  /** By how much rows are higher than usual. */
  readonly #extra = new Map<number, number>();
  readonly #extraOfBlock: number[] = [];

  constructor(usualPx: number) {
    this.#usualPx = usualPx;
  }

  heightOf(row: number): number {
    return this.#usualPx + (this.#extra.get(row) ?? 0);
  }

  /** Answers whether that changed anything. */
  set(row: number, px: number): boolean {
    const extra = px - this.#usualPx;
    const before = this.#extra.get(row) ?? 0;
    if (extra === before) return false;
    this.#extra.set(row, extra);
    const block = Math.floor(row / BLOCK_ROWS);
    while (this.#extraOfBlock.length <= block) this.#extraOfBlock.push(0);
    this.#extraOfBlock[block]! += extra - before;
    return true;
  }

  /** How far from the top a row begins. Of the number of rows: how high all are. */
  offsetOf(row: number): number {
    const block = Math.floor(row / BLOCK_ROWS);
    let offset = row * this.#usualPx;
    for (let index = 0; index < block && index < this.#extraOfBlock.length; index += 1) {
      offset += this.#extraOfBlock[index]!;
    }
    if (this.#extraOfBlock[block]) {
      for (let each = block * BLOCK_ROWS; each < row; each += 1) offset += this.#extra.get(each) ?? 0;
    }
    return offset;
  }

  /** The row at a distance from the top. */
  rowAt(offset: number): number {
    let row = 0;
    let start = 0;
    for (const extra of this.#extraOfBlock) {
      const height = BLOCK_ROWS * this.#usualPx + extra;
      if (start + height > offset) break;
      start += height;
      row += BLOCK_ROWS;
    }
    if (row >= this.#extraOfBlock.length * BLOCK_ROWS) {
      return row + Math.max(0, Math.floor((offset - start) / this.#usualPx));
    }
    for (;;) {
      start += this.heightOf(row);
      if (start > offset) return row;
      row += 1;
    }
  }
}
