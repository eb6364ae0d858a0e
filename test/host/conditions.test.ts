import { expect, test } from 'vitest';
import { isNotModified, rangeOf } from '../../src/host/conditions.ts';

const MONDAY = 'Mon, 01 Jan 2024 00:00:00 GMT';
const TUESDAY = 'Tue, 02 Jan 2024 00:00:00 GMT';

test.each([
  [{}, { etag: '"a"' }, false],
  [{ 'if-none-match': '"a"' }, { etag: '"a"' }, true],
  [{ 'if-none-match': '"b"' }, { etag: '"a"' }, false],
  [{ 'if-none-match': '"b", W/"a"' }, { etag: '"a"' }, true],
  [{ 'if-none-match': '"a"' }, { etag: 'W/"a"' }, true],
  [{ 'if-none-match': '"a,b"' }, { etag: '"a"' }, false],
  [{ 'if-none-match': '*' }, {}, true],
  [{ 'if-none-match': '"b"', 'if-modified-since': TUESDAY }, { etag: '"a"', lastModified: MONDAY }, false],
  [{ 'if-modified-since': TUESDAY }, { lastModified: MONDAY }, true],
  [{ 'if-modified-since': MONDAY }, { lastModified: TUESDAY }, false],
  [{ 'if-modified-since': 'soon' }, { lastModified: MONDAY }, false],
  [{ 'if-modified-since': MONDAY }, {}, false],
])('a client that says %j of %j has it already: %s', (headers, validators, expected) => {
  expect(isNotModified(headers, validators)).toBe(expected);
});

test.each([
  ['bytes=0-0', { start: 0, end: 0 }],
  ['bytes=2-5', { start: 2, end: 5 }],
  ['bytes=2-', { start: 2, end: 9 }],
  ['bytes=-3', { start: 7, end: 9 }],
  ['bytes=-30', { start: 0, end: 9 }],
  ['bytes=9-99', { start: 9, end: 9 }],
  ['bytes=10-', 'unsatisfiable'],
  ['bytes=10-20', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=5-2', 'whole'],
  ['bytes=-', 'whole'],
  ['bytes=0-1,4-5', 'whole'],
  ['lines=0-1', 'whole'],
  ['bytes=a-b', 'whole'],
  [undefined, 'whole'],
])('of ten bytes, the range %s is %j', (range, expected) => {
  expect(rangeOf({ range }, {}, 10)).toEqual(expected);
});

test.each([
  ['"a"', { etag: '"a"' }, true],
  ['"b"', { etag: '"a"' }, false],
  ['W/"a"', { etag: 'W/"a"' }, false],
  [MONDAY, { lastModified: MONDAY }, true],
  [TUESDAY, { lastModified: MONDAY }, false],
])('with If-Range: %s, a part of %j is given: %s', (condition, validators, isGiven) => {
  const range = rangeOf({ range: 'bytes=0-1', 'if-range': condition }, validators, 10);

  expect(range).toEqual(isGiven ? { start: 0, end: 1 } : 'whole');
});
