import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineText } from '../../src/cli/caller/follow/line-text.ts';

const E = '\u001B';

test.each([
  ['plain\ttext', 'plain\ttext', 'plain\ttext'],
  [`${E}[1;31mred${E}[0m`, `${E}[1;31mred${E}[0m${E}[0m`, 'red'],
  [`${E}[38:5:1mred`, `${E}[38:5:1mred${E}[0m`, 'red'],
  [`a${E}[2Jb${E}[1;1Hc${E}[?25ld`, 'abcd', 'abcd'],
  [`${E}]0;title\u0007text`, 'text', 'text'],
  [`${E}]52;c;Y2xpcA==${E}\\text`, 'text', 'text'],
  [`${E}]8;;http://x${E}\\link${E}]8;;${E}\\`, 'link', 'link'],
  [`${E}P+q544e${E}\\text`, 'text', 'text'],
  ['\u009B2Jtext', 'text', 'text'],
  ['\u009D0;title\u009Ctext', 'text', 'text'],
  [`never ended ${E}]0;title`, 'never ended ', 'never ended '],
  [`cut off ${E}[3`, 'cut off 3', 'cut off 3'],
  ['bell\u0007 and back\b', 'bell and back', 'bell and back'],
  ['10 %\r50 %\r100 %\r', '100 %', '100 %'],
])('%j is %j on a terminal and %j in a pipe', (message, coloured, plain) => {
  expect(lineText(message, { colours: true })).toBe(coloured);
  expect(lineText(message, { colours: false })).toBe(plain);
});

test('whatever a line holds, nothing but colours is left of its sequences', () => {
  const part = fc.constantFrom(
    E,
    '[',
    ']',
    '0',
    ';',
    'm',
    'J',
    '?',
    '\u0007',
    '\u009B',
    '\u009C',
    '\\',
    'x',
    '\r',
    '\n',
    'P',
  );

  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), (parts) => {
      const left = lineText(parts.join(''), { colours: true }).replaceAll(new RegExp(`${E}\\[[0-9;:]*m`, 'g'), '');
      expect(left).not.toMatch(/(?!\t)\p{Cc}/u);
      expect(lineText(parts.join(''), { colours: false })).not.toMatch(/(?!\t)\p{Cc}/u);
    }),
  );
});
