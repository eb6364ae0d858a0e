import { expect, test } from 'vitest';
import { piecesOf, plainText } from '../../src/dashboard/elements/ansi-pieces.ts';

const shown = (message: string, hit = '') =>
  piecesOf(message, hit).map(({ text, styles, isHit }) => `${isHit ? '*' : ''}${[...styles, text].join(' ')}`);

test.each([
  ['no colour', 'plain', ['plain']],
  ['a colour', '\u001b[31mred\u001b[0m rest', ['ansi-red red', ' rest']],
  ['a colour and a style', '\u001b[1;32mgood\u001b[0m', ['ansi-green bold good']],
  ['what moves a cursor', 'a\u001b[2K\u001b[1Gb', ['ab']],
  ['what sets a title', 'a\u001b]0;title\u0007b', ['ab']],
  ['a link', '\u001b]8;;https://a.example\u001b\\text\u001b]8;;\u001b\\', ['text']],
  ['a bell and a backspace', 'a\u0007b\u0008c', ['abc']],
  ['a colour that is cut off', 'a\u001b[3', ['a']],
  ['tags', '<b>&amp;', ['<b>&amp;']],
])('a line with %s is drawn as text in its colours', (_what, message, pieces) => {
  expect(shown(message)).toEqual(pieces);
});

test('each place that holds what is searched for is marked, also across colours', () => {
  expect(shown('one two one', 'one')).toEqual(['*one', ' two ', '*one']);
  expect(shown('\u001b[31mab\u001b[32mcd', 'bc')).toEqual([
    'ansi-red a',
    '*ansi-red b',
    '*ansi-green c',
    'ansi-green d',
  ]);
  expect(shown('aaaa', 'aa')).toEqual(['*aa', '*aa']);
});

test('a copied line has no colours', () => {
  expect(plainText('\u001b[33mwarn\u001b[0m: \u001b[2Kdone')).toBe('warn: done');
});
