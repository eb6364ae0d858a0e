import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LINE_BYTES_MAX, LineSplitter } from '../../src/targets/lines.ts';
import { createMask } from '../../src/targets/masking.ts';

const SECRET = 'pä"ss\\wo/rd+ 1%&😀';
const ESC = '\u{1b}';
// oxlint-disable-next-line no-control-regex -- control characters are what this finds
const COLOUR = /(?:\u001b|\\u001b)\[[0-9;]*m/g;

function linesOf(secrets: readonly string[], ...chunks: (string | Buffer)[]): string[] {
  const mask = createMask(secrets);
  const splitter = new LineSplitter();
  const lines = chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk)));
  return [...lines, ...splitter.end()].map(({ message, truncated }) => mask(message, { isCut: truncated }));
}

const json = (text: string) => JSON.stringify(text).slice(1, -1);
const halves = (text: string, at: number) => {
  const characters = Array.from(text);
  return [characters.slice(0, at).join(''), characters.slice(at).join('')] as const;
};
const units = (text: string) => Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
const bytes = (text: string) => [...Buffer.from(text)];
const hexOf = (code: number, digits: number) => code.toString(16).padStart(digits, '0');

/** Ways to write a text, of which each character stands for itself whatever is around it. */
const WRITINGS: Readonly<Record<string, (text: string) => string>> = {
  raw: (text) => text,
  'URL-escaped': (text) => encodeURIComponent(text),
  'URL-escaped in lower case': (text) => encodeURIComponent(text).replaceAll(/%../g, (code) => code.toLowerCase()),
  'URL-escaped twice': (text) => encodeURIComponent(encodeURIComponent(text)),
  'URL-escaped in each byte': (text) =>
    bytes(text)
      .map((byte) => `%${hexOf(byte, 2)}`)
      .join(''),
  'escaped for a form': (text) => new URLSearchParams({ '': text }).toString().slice(1),
  'JSON-escaped': json,
  'JSON-escaped with slashes': (text) => json(text).replaceAll('/', '\\/'),
  'JSON-escaped twice': (text) => json(json(text)),
  'JSON-escaped three times': (text) => json(json(json(text))),
  'JSON-escaped in each character': (text) =>
    units(text)
      .map((unit) => `\\u${hexOf(unit, 4)}`)
      .join(''),
  'JSON-escaped in each character, in capitals': (text) =>
    units(text)
      .map((unit) => `\\u${hexOf(unit, 4).toUpperCase()}`)
      .join(''),
  'JSON-escaped in a URL': (text) => encodeURIComponent(json(text)),
  'URL-escaped in JSON': (text) => json(encodeURIComponent(text)),
  hex: (text) => Buffer.from(text).toString('hex'),
  'hex in capitals': (text) => Buffer.from(text).toString('hex').toUpperCase(),
  base64: (text) => Buffer.from(text).toString('base64'),
  'base64 without padding': (text) => Buffer.from(text).toString('base64').replaceAll('=', ''),
  base64url: (text) => Buffer.from(text).toString('base64url'),
  'base64 in a URL': (text) => encodeURIComponent(Buffer.from(text).toString('base64')),
  'half coloured': (text) => `${halves(text, 3).join(`${ESC}[31m`)}${ESC}[0m`,
  'coloured in each character': (text) => Array.from(text, (character) => `${ESC}[1;32m${character}`).join(''),
  'coloured in JSON': (text) => json(`${ESC}[1m${halves(text, 4).join(`${ESC}[0m`)}`),
  'with a cursor that moves in it': (text) => halves(text, 4).join(`${ESC}[2K`),
  'with control characters in it': (text) => halves(text, 4).join('\u0000\u0008'),
};

describe('a secret', () => {
  test.each(Object.entries(WRITINGS))('%s is masked', (_how, write) => {
    const [line] = linesOf([SECRET], `before ${write(SECRET)} after\n`);

    expect(line!.replaceAll(COLOUR, '')).toMatch(/^before \*\*\*=? ?after$|^before \*\*\* after$/);
  });

  test.each([
    ['a secret', 'key: correct horse', 'key: ***'],
    ['a secret twice', 'correct horse correct horse', '*** ***'],
    ['secrets side by side', 'correct horsecorrect horse', '***'],
    ['secrets that overlap', 'correct horse battery', '***'],
    ['a secret in another one', 'correct horse battery staple', '***'],
    ['a part of a secret', 'correct hors', 'correct hors'],
    ['nothing', '', ''],
    ['something else', '100% of C:\\Users\\me\\x', '100% of C:\\Users\\me\\x'],
  ])('is all that is masked: %s', (_what, line, shown) => {
    expect(linesOf(['correct horse', 'horse battery', 'correct horse battery staple'], `${line}\nend`)[0]).toBe(shown);
  });

  test('that begins like another one is masked to its end', () => {
    expect(linesOf(['secret-1', 'secret-123456'], 'secret-123456 secret-1234')).toEqual(['*** ***234']);
  });

  test('that its colours divide leaves the colours behind it as they are', () => {
    expect(linesOf(['password'], `a ${ESC}[31mpass${ESC}[0mword b ${ESC}[1mc${ESC}[0m`)).toEqual([
      `a ${ESC}[31m***${ESC}[0m b ${ESC}[1mc${ESC}[0m`,
    ]);
  });

  test.each([0, 1, 2])('in a longer text in base64 is masked, %i bytes after a group begins', (offset) => {
    const text = `${'x'.repeat(3 + offset)}${SECRET}${'y'.repeat(7)}`;

    for (const encoding of ['base64', 'base64url'] as const) {
      const [line] = linesOf([SECRET], Buffer.from(text).toString(encoding));

      expect(line).toMatch(/^eHh4\w{0,4}\*\*\*\w{8,13}=*$/);
    }
  });

  test('of six characters is masked in base64 wherever it stands', () => {
    const codes = ['', 'x', 'xx'].map((before) => Buffer.from(`${before}s3cre7${before}`).toString('base64'));

    for (const line of linesOf(['s3cre7'], codes.join('\n'))) expect(line).toContain('***');
  });

  test('that is folded away by a progress line is not shown, and the one that stays is masked', () => {
    expect(linesOf(['password'], 'password\r10%\nat 20%\rpass', 'word\r', '\npassword\r\n')).toEqual([
      '10%',
      '***',
      '***',
    ]);
  });

  test('of several lines is masked in each line that is long enough, however its newlines are written', () => {
    const body = Array.from({ length: 4 }, () => randomBytes(48).toString('base64'));
    const key = `-----BEGIN PRIVATE KEY-----\n${body.join('\n')}\nabc=\n-----END PRIVATE KEY-----\n`;
    const masked = ['-----BEGIN PRIVATE KEY-----', '***', '***', '***', '***', 'abc=', '-----END PRIVATE KEY-----'];

    expect(linesOf([key], key)).toEqual(masked);
    expect(linesOf([key], key.replaceAll('\n', '\r\n'))).toEqual(masked);
    expect(linesOf([key.replaceAll('\n', '\\n')], key)).toEqual(masked);
    expect(linesOf([key], JSON.stringify({ key }))).toEqual(['{"key":"***"}']);
    expect(linesOf([key], `token ${Buffer.from(key).toString('base64')}.`)).toEqual(['token ***.']);
  });

  test.each(['', 'abc12', 'production', 'TRUE', '------------', '      ', '5432'])('%j is no secret', (value) => {
    const text = `a ${value} b ${Buffer.from(value).toString('base64')}`;

    expect(createMask([value])(text)).toBe(text);
  });

  test('with control characters is masked, though lines show none of those', () => {
    expect(
      linesOf(['abc\u0007def\u001b[2Kghi'], 'a abc\u0007def\u001b[2Kghi b', ' "abc\\u0007def\\u001b[2Kghi"'),
    ).toEqual(['a *** b "***"']);
  });

  test('of a very long text costs memory in proportion to its length', () => {
    const secret = randomBytes(96 * 1024).toString('base64');
    const before = process.memoryUsage();

    const mask = createMask([secret]);

    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(32 * 1024 * 1024);
    expect(mask(secret)).toBe('***');
  });
});

/** Texts that are their own line, and that no rule takes for plain ones. */
const secrets = fc
  .oneof(fc.string({ unit: 'grapheme', minLength: 6, maxLength: 60 }), fc.string({ minLength: 6, maxLength: 60 }))
  .filter((text) => text.trim().length >= 6 && !/^(.)\1*$/su.test(text));
/** Nothing that ends in the middle of an escape: it would take the first character of what follows with it. */
const around = fc
  .string({ unit: 'grapheme', maxLength: 40 })
  .filter((text) => !/(?:%(?:25)*[0-9a-f]?|\\u?[0-9a-f]{0,3})$/i.test(text));
const cuts = fc.array(fc.nat(), { maxLength: 8 });

function chunksOf(output: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.map((place) => place % (output.length + 1)), output.length].toSorted((a, b) => a - b);
  return places.slice(1).map((end, index) => output.subarray(places[index], end));
}

test("escapes that are a secret's own do not hide it when it is escaped again", () => {
  const secret = '%00  "';

  expect(linesOf([secret], `${json(json(secret))}\n`)[0]).not.toContain('%00');
});

describe.each(Object.entries(WRITINGS))('%s', (how, write) => {
  test('no secret is in any line, whatever it is, whatever stands around it, and however the output comes in chunks', () => {
    fc.assert(
      fc.property(fc.array(secrets, { minLength: 1, maxLength: 4 }), around, around, cuts, (all, before, after, at) => {
        const text = all.map((secret) => `${before}\n10%\r${before}${write(secret)}${after}\n`).join('');

        const shown = linesOf(all, ...chunksOf(Buffer.from(text), at));

        expect(shown).toHaveLength(2 * all.length);
        for (const [index, secret] of all.entries()) {
          const line = shown[2 * index + 1]!;
          expect(line).toContain('***');
          expect(line).not.toContain(secret);
          expect(line).not.toContain(write(secret));
          expect(line.replaceAll(COLOUR, '')).not.toContain(secret);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a line that is cut shows no beginning of a secret', () => {
    // Nothing of it can be taken for the text around it.
    const part = fc.string({ unit: fc.constantFrom(...Array.from('abc019"\\/+ ä€😀&')), minLength: 6, maxLength: 60 });
    fc.assert(
      fc.property(
        part.filter((text) => text.trim().length >= 6),
        fc.nat(200),
        (secret, room) => {
          fc.pre(!/^(.)\1*$/su.test(secret));
          const dots = '.'.repeat(LINE_BYTES_MAX - room);

          const [line] = linesOf([secret], `${dots}${write(secret)}${'.'.repeat(room + 10)}\n`);

          const rest = line!.slice(dots.length).replaceAll(COLOUR, '');
          const shownCharacters = rest
            .replace('***', '')
            .replaceAll('.', '')
            .replaceAll(/%\w{0,2}/g, '%').length;
          const [first] = secret;
          // Half an escape says nothing, and of base64 and hex less than a piece may stay.
          expect(shownCharacters, rest).toBeLessThanOrEqual(
            isEncoded(how) ? 7 : rest.startsWith('***') ? 0 : write(first!).length - 1,
          );
        },
      ),
      { numRuns: 200 },
    );
  });
});

function isEncoded(how: string): boolean {
  return /hex|base64/.test(how);
}

test('base64 and hex that is broken into lines shows no piece of eight characters of a secret', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 12, maxLength: 200 }), fc.integer({ min: 16, max: 80 }), (secret, width) => {
      fc.pre(!/^(.)\1*$/su.test(secret) && secret.trim().length >= 6);
      for (const encoding of ['base64', 'base64url', 'hex'] as const) {
        const code = Buffer.from(secret).toString(encoding);
        const lines = linesOf([secret], code.replaceAll(new RegExp(`.{${width}}`, 'g'), '$&\n'));

        for (const line of lines) expect(line).toMatch(/^[^*]{0,7}$|^\*\*\*$/);
      }
    }),
  );
});

test('text without a secret stays as it is', () => {
  const mask = createMask([
    SECRET,
    'postgresql://app:c0rrect-horse@127.0.0.1/app',
    randomBytes(24).toString('base64url'),
  ]);
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.array(fc.constantFrom('\\', '%', '%41', ESC, 'x')),
      (text, marks) => {
        expect(mask(text + marks.join(''))).toBe(text + marks.join(''));
      },
    ),
    { numRuns: 500 },
  );
});
