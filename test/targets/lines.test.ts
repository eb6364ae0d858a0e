import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LINE_BYTES_MAX, LineSplitter, type OutputLine } from '../../src/targets/lines.ts';

function split(...chunks: (string | Buffer)[]): OutputLine[] {
  const splitter = new LineSplitter();
  const lines = chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk)));
  return [...lines, ...splitter.end()];
}

function messages(...chunks: (string | Buffer)[]): string[] {
  return split(...chunks).map(({ message }) => message);
}

test.each([
  ['nothing', '', []],
  ['one line', 'one\n', ['one']],
  ['a last line without a newline', 'one\ntwo', ['one', 'two']],
  ['empty lines', '\n\none\n\n', ['', '', 'one', '']],
  ['indented lines', '  one \n\ttwo\n', ['  one ', '\ttwo']],
  ['lines of Windows', 'one\r\ntwo\r\n', ['one', 'two']],
  ['lines of a terminal', 'one\r\r\ntwo\r\r\n', ['one', 'two']],
  ['characters of any length', 'é€😀\n', ['é€😀']],
  ['a byte order mark', '\u{feff}one\n', ['\u{feff}one']],
  ['other separators of Unicode', 'one\u2028two\u2029three\n', ['one\u2028two\u2029three']],
])('%s is cut at newlines alone', (_what, text, lines) => {
  expect(messages(text)).toEqual(lines);
});

test('a line is given out with its newline, not before and not later', () => {
  const splitter = new LineSplitter();

  const given = ['on', 'e\ntw', 'o\n', '\nthree'].map((chunk) => splitter.push(Buffer.from(chunk)).length);

  expect(given).toEqual([0, 1, 1, 1]);
  expect(splitter.end()).toEqual([{ message: 'three', truncated: false }]);
  expect(splitter.end()).toEqual([]);
});

test.each([
  ['a byte that begins nothing', Buffer.from([0x61, 0xff, 0x62]), 'a\u{fffd}b'],
  ['a character that breaks off', Buffer.from([0x61, 0xe2, 0x82, 0x62]), 'a\u{fffd}b'],
  ['a character that ends the output half', Buffer.from([0x61, 0xe2, 0x82]), 'a\u{fffd}'],
  ['half a surrogate pair', Buffer.from([0xed, 0xa0, 0x80]), '\u{fffd}\u{fffd}\u{fffd}'],
  ['another encoding', Buffer.from('é', 'latin1'), '\u{fffd}'],
])('%s becomes U+FFFD, and the rest of the line stays', (_what, bytes, message) => {
  expect(messages(bytes)).toEqual([message]);
});

test('a broken character of one line does not reach into the next', () => {
  expect(messages(Buffer.from([0xe2, 0x82, 0x0a, 0xac, 0x0a]))).toEqual(['\u{fffd}', '\u{fffd}']);
});

describe('a long line', () => {
  const cut = (message: string) => ({ message, truncated: true });
  const whole = (message: string) => ({ message, truncated: false });

  test('of exactly 16 KiB stays whole', () => {
    const line = 'x'.repeat(LINE_BYTES_MAX);

    expect(split(`${line}\n${line}`)).toEqual([whole(line), whole(line)]);
  });

  test('of one byte more is cut and marked, and the next line is not', () => {
    const line = 'x'.repeat(LINE_BYTES_MAX);

    expect(split(`${line}y\nnext\n`)).toEqual([cut(line), whole('next')]);
  });

  test.each([
    ['é', 0],
    ['é', 1],
    ['€', 0],
    ['€', 1],
    ['€', 2],
    ['😀', 0],
    ['😀', 1],
    ['😀', 2],
    ['😀', 3],
  ])('of %s is cut between characters, %i bytes after its beginning', (character, offset) => {
    const [{ message, truncated } = whole('')] = split('x'.repeat(offset) + character.repeat(LINE_BYTES_MAX));

    const characters = Math.floor((LINE_BYTES_MAX - offset) / Buffer.byteLength(character));
    expect(message).toBe('x'.repeat(offset) + character.repeat(characters));
    expect(truncated).toBe(true);
  });

  test('keeps invalid bytes at its cut, which are no half character', () => {
    const bytes = Buffer.concat([Buffer.alloc(LINE_BYTES_MAX - 2, 'x'), Buffer.alloc(10, 0xff)]);

    expect(split(bytes)).toEqual([cut(`${'x'.repeat(LINE_BYTES_MAX - 2)}\u{fffd}\u{fffd}`)]);
  });

  test.each(['[', '[3', '[38;5;', ']0;title', 'P1$r', '(', ''])(
    'loses what begins an escape sequence at its cut: %j',
    (escape) => {
      const text = 'x'.repeat(LINE_BYTES_MAX - 1 - escape.length);

      expect(split(`${text}\u{1b}${escape}${'y'.repeat(100)}`)).toEqual([cut(text)]);
    },
  );

  test('takes no more memory than a short one', () => {
    const splitter = new LineSplitter();
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const before = process.memoryUsage().arrayBuffers;

    for (let count = 0; count < 4_096; count += 1) splitter.push(chunk);

    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
    expect(splitter.end()).toEqual([cut('x'.repeat(LINE_BYTES_MAX))]);
  });

  test('that comes byte by byte takes no more memory either', () => {
    const splitter = new LineSplitter();
    const before = process.memoryUsage().arrayBuffers;

    for (let count = 0; count < 200_000; count += 1) splitter.push(Buffer.from('x'));

    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * 1024);
    expect(splitter.end()).toEqual([cut('x'.repeat(LINE_BYTES_MAX))]);
  });

  test('keeps no part of the chunk that it came in', () => {
    const splitter = new LineSplitter();
    const chunk = Buffer.from('one');
    splitter.push(chunk);

    chunk.fill('x');

    expect(splitter.end()).toEqual([whole('one')]);
  });
});

describe('a progress line', () => {
  test.each([
    ['10%\r20%\r30%\n', '30%'],
    ['10%\r20%\r30%\r\n', '30%'],
    ['10%\r20%\r30%\r', '30%'],
    ['\rdone\n', 'done'],
    ['\r\r\n', ''],
  ])('%j keeps its last state', (text, line) => {
    expect(messages(text)).toEqual([line]);
  });

  test('that is overwritten in the next chunk keeps its last state', () => {
    expect(messages('10%\r', '20%', '\r', '30%', '\r', '\n', 'next\n')).toEqual(['30%', 'next']);
  });

  test('keeps its last state, and is not cut, however often it was overwritten', () => {
    const states = Array.from({ length: 2_000 }, (_, n) => `${n} of 2000 files\r`);

    expect(split(states.join(''), 'all files\n')).toEqual([{ message: 'all files', truncated: false }]);
    expect(split(...states, 'all files\n')).toEqual([{ message: 'all files', truncated: false }]);
  });

  test('of returns alone is nothing', () => {
    expect(split('\r\r\r')).toEqual([]);
  });
});

describe('an escape sequence', () => {
  const ESC = '\u{1b}';

  test.each([
    ['a colour', `${ESC}[31mred${ESC}[0m`],
    ['a style without a number', `bold${ESC}[m`],
    ['a colour out of 256', `${ESC}[38;5;208morange`],
    ['a colour in another notation', `${ESC}[38:2::255:0:0mred`],
  ])('of %s stays', (_what, text) => {
    expect(messages(text)).toEqual([text]);
  });

  test.each([
    ['a cursor movement', `${ESC}[2A`],
    ['a cursor position', `${ESC}[1;1H`],
    ['an erased line', `${ESC}[2K`],
    ['a hidden cursor', `${ESC}[?25l`],
    ['a bracketed paste', `${ESC}[?2004h`],
    ['a cursor form', `${ESC}[1 q`],
    ['a soft reset', `${ESC}[!p`],
    ['a key', `${ESC}[3~`],
    ['a keyboard setting that looks like a colour', `${ESC}[>4;2m`],
    ['a private setting that looks like a colour', `${ESC}[?4m`],
    ['a window title', `${ESC}]0;title\u{7}`],
    ['a window title with another end', `${ESC}]0;title${ESC}\\`],
    ['a link', `${ESC}]8;;https://example.com${ESC}\\`],
    ['a device text', `${ESC}P1$r0m${ESC}\\`],
    ['an application text', `${ESC}_Ga=d${ESC}\\`],
    ['a private text', `${ESC}^secret${ESC}\\`],
    ['a character set', `${ESC}(B`],
    ['a screen test', `${ESC}#8`],
    ['a saved cursor', `${ESC}7`],
    ['a full reset', `${ESC}c`],
    ['a keypad', `${ESC}=`],
    ['an escape alone', ESC],
  ])('of %s is removed', (_what, escape) => {
    expect(messages(`a${escape}\u{e9}`)).toEqual(['aé']);
  });

  test('of a text without an end takes nothing of the line with it', () => {
    expect(messages(`a${ESC}]b\nc\n`)).toEqual(['a]b', 'c']);
  });

  test('that another one stands in does not come together by its removal', () => {
    expect(messages(`${ESC}${ESC}[2K[2Jtext`)).toEqual(['[2Jtext']);
  });
});

test('control characters are removed, tabs stay', () => {
  const control = Array.from({ length: 0xa0 }, (_, code) => code).filter((code) => code < 0x20 || code >= 0x7f);
  const others = control.filter((code) => ![0x09, 0x0a, 0x0d, 0x1b].includes(code));

  const [message] = messages(`a\t${others.map((code) => String.fromCodePoint(code)).join('')}b`);

  expect(message).toBe('a\tb');
});

test('whatever the chunks, the lines are the same', () => {
  const piece = fc.oneof(
    fc.constantFrom('\n', '\r', '\r\n', '\u{1b}[31m', '\u{1b}[2K', '\u{1b}]0;t\u{7}', '\0', 'é', '€', '😀', '\u{1b}'),
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.nat(40_000).map((length) => 'x'.repeat(length)),
  );
  const output = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => Buffer.from(pieces.join(''))),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  );

  fc.assert(
    fc.property(output, fc.array(fc.nat(), { maxLength: 12 }), (bytes, cuts) => {
      const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
      const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));

      expect(split(...chunks)).toEqual(split(bytes));
    }),
    { numRuns: 300 },
  );
});

test('whatever the bytes, a line is valid text without NUL, within its limit, and without an escape but colours', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
      const lines = split(Buffer.from(bytes));

      for (const { message } of lines) {
        expect(message.isWellFormed()).toBe(true);
        // oxlint-disable-next-line no-control-regex -- they are what must not be there
        expect(message.replaceAll(/\u{1b}\[[0-9;:]*m/gu, '')).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/);
      }
      expect(lines.length).toBeLessThanOrEqual(bytes.filter((byte) => byte === 0x0a).length + 1);
    }),
  );
});
