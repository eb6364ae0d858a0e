import { expect, test } from 'vitest';
import { createId, ID_PREFIX, kindOfId, type IdKind } from '../../src/domain/ids.ts';

const KINDS = Object.keys(ID_PREFIX) as IdKind[];

test.each(KINDS)('an id of a %s begins with its prefix and names its kind', (kind) => {
  const id = createId(kind);

  expect(id).toMatch(new RegExp(`^${ID_PREFIX[kind]}_[0-9a-z]{26}$`));
  expect(kindOfId(id)).toBe(kind);
});

test('no two kinds share a prefix', () => {
  expect(new Set(Object.values(ID_PREFIX)).size).toBe(KINDS.length);
});

test('ids are unique, and those of later milliseconds sort after those of earlier ones', () => {
  const ids: string[] = [];
  const begin = Date.now();
  let milliseconds = 0;
  for (let last = begin; milliseconds < 20; ) {
    const now = Date.now();
    if (now === last) continue;
    last = now;
    milliseconds += 1;
    ids.push(createId('Deployment'));
  }

  expect(new Set(ids).size).toBe(20);
  expect(ids.toSorted()).toEqual(ids);
});

test.each([
  ['an empty text', ''],
  ['a prefix alone', 'dep_'],
  ['an unknown prefix', createId('Deployment').replace('dep', 'xyz')],
  ['capitals', createId('Deployment').toUpperCase()],
  ['a missing character', createId('Deployment').slice(0, -1)],
  ['one character too many', `${createId('Deployment')}0`],
  ['a line break at the end', `${createId('Deployment')}\n`],
  ['a letter that ids leave out', `dep_${'0'.repeat(25)}u`],
  ['more than 128 bits', `dep_8${'0'.repeat(25)}`],
  ['a UUID', '018f6a2e-7c1d-7a3b-8c4d-5e6f70819203'],
  ['the name of something every object has', `constructor_${'0'.repeat(26)}`],
])('%s is no id', (_what, text) => {
  expect(kindOfId(text)).toBeNull();
});
