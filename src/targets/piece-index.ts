/** A piece of an encoded secret of this length holds six bytes of it. */
export const PIECE_CHARACTERS = 8;

/** The characters of base64, base64url and hex, by their codes. */
const IS_CODE = Uint8Array.from({ length: 128 }, (_, code) => (/[\w+/=-]/.test(String.fromCharCode(code)) ? 1 : 0));

/** Finds every piece of some encoded texts in other text, in the time that it takes to read the text. */
export interface PieceIndex {
  /** Calls back for each place where eight characters of one of the texts stand. */
  find(text: string, onPiece: (index: number) => void): void;
}

/**
 * A hash table, with open addressing, of where each piece stands first in the texts. A set of strings would need
 * 40 bytes for each character of a secret's forms, this needs 16 at most.
 */
export function createPieceIndex(texts: readonly string[]): PieceIndex {
  const book = texts.join('');
  const bits = Math.max(10, Math.ceil(Math.log2(book.length * 2 + 1)));
  // The place of a piece, plus one; 0 is an empty slot.
  const slots = new Int32Array(2 ** bits);
  const slotOf = (text: string, index: number) => {
    let hash = 0;
    for (let at = index; at < index + PIECE_CHARACTERS; at += 1) hash = Math.imul(hash, 31) + text.charCodeAt(at);
    let slot = Math.imul(hash, 0x9e37_79b1) >>> (32 - bits);
    while (slots[slot] !== 0 && !isSame(book, slots[slot]! - 1, text, index)) slot = (slot + 1) % slots.length;
    return slot;
  };
  let start = 0;
  for (const text of texts) {
    for (let index = 0; index + PIECE_CHARACTERS <= text.length; index += 1) {
      slots[slotOf(text, index)] ||= start + index + 1;
    }
    start += text.length;
  }
  return {
    find(text, onPiece) {
      let begin = 0;
      while (begin + PIECE_CHARACTERS <= text.length) {
        const gap = lastGap(text, begin);
        if (gap === -1 && slots[slotOf(text, begin)] !== 0) onPiece(begin);
        begin = gap === -1 ? begin + 1 : gap + 1;
      }
    },
  };
}

/** The last character of what would be a piece that is of no code: no piece holds it. -1 when there is none. */
function lastGap(text: string, begin: number): number {
  for (let at = begin + PIECE_CHARACTERS - 1; at >= begin; at -= 1) {
    const code = text.charCodeAt(at);
    if (code > 127 || IS_CODE[code] === 0) return at;
  }
  return -1;
}

function isSame(a: string, from: number, b: string, start: number): boolean {
  for (let at = 0; at < PIECE_CHARACTERS; at += 1) {
    if (a.charCodeAt(from + at) !== b.charCodeAt(start + at)) return false;
  }
  return true;
}
