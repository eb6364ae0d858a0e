import { isAscii } from 'node:buffer';

/** One line of a process's output, ready to be stored. */
export interface OutputLine {
  readonly message: string;
  /** Its end was cut off. */
  readonly truncated: boolean;
}

export const LINE_BYTES_MAX = 16 * 1024;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
// oxlint-disable no-control-regex -- control characters are what these find
/** Escape sequences: texts such as titles and links, sequences with parameters, and short ones. */
const ESCAPES =
  /\u001b(?:[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)|\[[0-?]*[ -/]*[@-~]|[ -/]+[0-~]|[0-OQ-WYZ\\`-~])/g;
const COLOUR = /^\u001b\[[0-9;:]*m$/;
/** A sequence that a cut line did not hold to its end. */
const HALF_ESCAPE = /\u001b(?:[\]PX^_][^\u0007\u001b]*|\[[0-?]*[ -/]*|[ -/]*)\u001b?$/;
/** PostgreSQL's text holds no NUL, and a terminal shows none of these. An escape that begins nothing is one of them. */
const INVISIBLE = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]|\u001b(?!\[[0-9;:]*m)/g;
/** Any byte of ASCII that is neither shown nor a tab or newline. */
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/;
// oxlint-enable no-control-regex

/**
 * Cuts output into lines on bytes, so that a character that two chunks share stays whole. Invalid UTF-8 becomes U+FFFD, a
 * line over 16 KiB is cut and marked, a progress line that was overwritten with `\r` keeps its last state.
 */
export class LineSplitter {
  #parts: Buffer[] = [];
  #bytes = 0;
  /** The last byte was `\r`: whatever comes next but a newline overwrites the line. */
  #hasReturned = false;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  push(chunk: Buffer): OutputLine[] {
    const begun = this.#bytes > 0 || this.#hasReturned ? chunk.indexOf(NEWLINE) + 1 : 0;
    const whole = Math.max(begun, chunk.lastIndexOf(NEWLINE) + 1);
    const lines = this.#cut(chunk.subarray(0, begun));
    const plain = plainLines(chunk.subarray(begun, whole));
    for (const line of plain ?? this.#cut(chunk.subarray(begun, whole))) lines.push(line);
    this.#overwrite(chunk.subarray(whole));
    return lines;
  }

  #cut(wholeLines: Buffer): OutputLine[] {
    const lines: OutputLine[] = [];
    let start = 0;
    for (let end = wholeLines.indexOf(NEWLINE); end !== -1; end = wholeLines.indexOf(NEWLINE, start)) {
      this.#overwrite(wholeLines.subarray(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    return lines;
  }

  /** The last line, when the output ended without a newline. */
  end(): OutputLine[] {
    return this.#bytes > 0 ? [this.#take()] : [];
  }

  /** What was overwritten is not kept, so that it does not count as the line's length either. */
  #overwrite(part: Buffer): void {
    if (part.length === 0) return;
    let end = part.length;
    while (end > 0 && part[end - 1] === RETURN) end -= 1;
    if (end > 0) {
      const start = part.lastIndexOf(RETURN, end - 1) + 1;
      if (this.#hasReturned || start > 0) this.#clear();
      this.#keep(part.subarray(start, end));
    }
    this.#hasReturned = end < part.length;
  }

  /** Memory stays bounded however long a line is: what will be cut off is not kept. */
  #keep(part: Buffer): void {
    const room = Math.max(0, LINE_BYTES_MAX - this.#bytes);
    if (room > 0) this.#parts.push(Buffer.from(part.subarray(0, room)));
    this.#bytes += part.length;
  }

  #clear(): void {
    this.#parts = [];
    this.#bytes = 0;
    this.#hasReturned = false;
  }

  #take(): OutputLine {
    const truncated = this.#bytes > LINE_BYTES_MAX;
    const bytes = Buffer.concat(this.#parts);
    this.#clear();
    if (!truncated) return { message: cleanText(this.#decoder.decode(bytes)), truncated };
    const text = this.#decoder.decode(withoutHalfCharacter(bytes));
    return { message: cleanText(text.replace(HALF_ESCAPE, '')), truncated };
  }
}

/** Lines of ASCII in which nothing is to be looked at, all at once: 12 times as fast as one by one. Null for others. */
function plainLines(wholeLines: Buffer): OutputLine[] | null {
  if (!isAscii(wholeLines)) return null;
  const text = wholeLines.toString('latin1');
  if (CONTROL.test(text)) return null;
  const lines = text.split('\n').slice(0, -1);
  return lines.map((message) =>
    message.length > LINE_BYTES_MAX
      ? { message: message.slice(0, LINE_BYTES_MAX), truncated: true }
      : { message, truncated: false },
  );
}

/** A cut may go through a character of up to four bytes. */
function withoutHalfCharacter(bytes: Buffer): Buffer {
  for (let kept = 1; kept <= 3; kept += 1) {
    const byte = bytes[bytes.length - kept]!;
    if (byte >= 0x80 && byte < 0xc0) continue; // Not the first of its character.
    return kept < characterBytes(byte) ? bytes.subarray(0, -kept) : bytes;
  }
  return bytes;
}

function characterBytes(first: number): number {
  if (first < 0xc2 || first > 0xf4) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

/** Text as a line shows it: no escape sequences but colours, and no control characters. */
export function cleanText(text: string): string {
  return text.replace(ESCAPES, (escape) => (COLOUR.test(escape) ? escape : '')).replace(INVISIBLE, '');
}
