/** Where a number stands in a sorted list, or would: the index of the first one that is not less. */
export function indexNotLess(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function isAmong(sorted: readonly number[], value: number): boolean {
  return sorted[indexNotLess(sorted, value)] === value;
}
