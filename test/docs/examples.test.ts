import { expect, test } from 'vitest';
import { expected, readExamples, type Known } from '../kit/examples.ts';

const block = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\`\n`;
const CURL = block('sh', 'curl "$URL/livez"');
const ANSWER = block('http', 'HTTP/1.1 200 OK\n\n{ "status": "ok" }');

test('an example is a curl and the answer beneath it', () => {
  expect(readExamples(`## GET /livez\n\n${CURL}\nsays\n\n${ANSWER}`)).toEqual([
    {
      heading: 'GET /livez',
      command: 'curl "$URL/livez"\n',
      shown: { status: 'HTTP/1.1 200 OK', headers: {}, body: { status: 'ok' } },
    },
  ]);
});

test.each([
  ['a curl without an answer', CURL, 'no answer'],
  ['two curls with one answer', CURL + CURL + ANSWER, 'no answer'],
  ['two curls in one block', block('sh', 'curl a\ncurl b') + ANSWER, 'is not run'],
  ['a curl in a block of another language', block('text', 'curl a') + ANSWER, 'is not run'],
  ['an answer without a curl', CURL + ANSWER + ANSWER, 'no curl'],
])('a document with %s is refused', (_name, document, problem) => {
  expect(() => readExamples(document)).toThrow(problem);
});

const ID = 'app_01m85epdecfztba03hef0eg5sr';
const OTHER_ID = 'app_01m85epdecfztba03hef0eg5ss';
const SHOWN = { id: ID, state: 'on', packageBytes: 390, items: [{ seq: 1 }, '…'] };
const GOT = { id: OTHER_ID, state: 'on', packageBytes: 12, items: [{ seq: 1 }, { seq: 2 }] };

test('ids and sizes may differ from what is shown, and so may what is left out', () => {
  expect(GOT).toEqual(expected(SHOWN, GOT, new Map()));
});

test.each<[string, unknown]>([
  ['another key', { ...GOT, more: null }],
  ['a missing key', { id: OTHER_ID, packageBytes: 12, items: GOT.items }],
  ['another value', { ...GOT, state: 'off' }],
  ['an id of another kind', { ...GOT, id: ID.replace('app_', 'dep_') }],
  ['a size that is no number', { ...GOT, packageBytes: '12' }],
  ['nothing more where more is shown', { ...GOT, items: [{ seq: 1 }] }],
])('an answer with %s is not what is shown', (_name, got) => {
  expect(got).not.toEqual(expected(SHOWN, got, new Map()));
});

test('an id that was learned stays the same', () => {
  const known: Known = new Map();
  expected(SHOWN, GOT, known);

  expect(expected({ id: ID }, { id: ID }, known)).toEqual({ id: OTHER_ID });
});
