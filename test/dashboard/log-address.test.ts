import { expect, test } from 'vitest';
import {
  logSearch,
  parseLogQuery,
  parsePlace,
  phaseHash,
  rangeHash,
  rangeOf,
} from '../../src/dashboard/deployment/log/log-address.ts';

test.each([
  ['#L120', { kind: 'lines', first: 120, last: 120 }],
  ['#L120-L131', { kind: 'lines', first: 120, last: 131 }],
  ['#L131-L120', { kind: 'lines', first: 120, last: 131 }],
  ['#build', { kind: 'phase', phase: 'BUILD' }],
  ['#service_deploy', { kind: 'phase', phase: 'SERVICE_DEPLOY' }],
  ['', null],
  ['#L', null],
  ['#L1x', null],
  ['#L0', null],
  ['#L1234567890', null],
  ['#main', null],
])('the hash %j points to %j', (hash, place) => {
  expect(parsePlace(hash)).toEqual(place);
});

test('a range has an address, whichever of its lines was chosen first', () => {
  expect([rangeHash(rangeOf(131, 120)), rangeHash(rangeOf(7, 7))]).toEqual(['#L120-L131', '#L7']);
  expect(parsePlace(phaseHash('MIGRATE'))).toEqual({ kind: 'phase', phase: 'MIGRATE' });
});

const ALL = { phase: null, minLevel: null, stream: null, text: '', isNarrow: false };

test.each([
  ['', ALL],
  ['?phase=build', { ...ALL, phase: 'BUILD' }],
  ['?level=warn&stream=stderr', { ...ALL, minLevel: 'WARN', stream: 'STDERR' }],
  ['?q=a+%26+b%25&only=matches', { ...ALL, text: 'a & b%', isNarrow: true }],
] as const)('the search %j is read and written alike', (search, query) => {
  expect(parseLogQuery(search)).toEqual(query);
  expect(logSearch(query)).toBe(search);
});

test('what an address does not know how to choose is left out', () => {
  expect(parseLogQuery('?phase=nothing&level=loud&stream=&only=others&page=2')).toEqual(ALL);
});
