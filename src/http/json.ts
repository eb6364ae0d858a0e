/** What a JSON text may have in it, whatever its length. docs/security.md gives the same figures; a test keeps the two equal. */
export const JSON_LIMITS = { values: 20_000, levels: 100 } as const;

/**
 * Whether a text is worth parsing. A megabyte of brackets or of small values would take the parser, and whatever walks
 * through what it makes, a hundred times as long as this look at each character.
 */
export function isSimpleJson(text: string): boolean {
  let levels = 0;
  let values = 1;
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i];
    if (character === '"') i = endOfString(text, i);
    else if (character === ',') values += 1;
    else if (character === ']' || character === '}') levels -= 1;
    else if (character === '[' || character === '{') {
      levels += 1;
      values += 1;
    }
    if (levels > JSON_LIMITS.levels || values > JSON_LIMITS.values) return false;
  }
  return true;
}

/** Where the string ends that begins at `start`; the end of the text for one that does not end. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i += 1) {
    const character = text[i];
    if (character === '"') return i;
    if (character === '\\') i += 1;
  }
  return text.length;
}
