import { expect, test } from 'vitest';
import {
  inputOf,
  nameProblem,
  rowsOf,
  withChange,
  withoutChange,
  type EnvironmentDraft,
  type StoredVariable,
  type VariableChange,
} from '../../src/dashboard/apps/environment-draft.ts';

const REGION: StoredVariable = {
  name: 'REGION',
  value: 'north',
  isSecret: false,
  phases: ['BUILD', 'MIGRATE', 'SERVICE_DEPLOY'],
};
const TOKEN: StoredVariable = { name: 'TOKEN', value: null, isSecret: true, phases: ['SERVICE_DEPLOY'] };
const STORED = [REGION, TOKEN];

const south: VariableChange = { ...REGION, value: 'south' };
const newToken: VariableChange = { ...TOKEN, value: 'a new one' };
const noToken: VariableChange = { ...TOKEN, value: null };

test('the last change of a variable is the one that is saved', () => {
  const draft = [south, newToken, noToken].reduce<EnvironmentDraft>(
    (before, change) => withChange(before, change, STORED),
    [],
  );

  expect(draft).toEqual([south, noToken]);
});

test.each<[what: string, change: VariableChange]>([
  ['a plain variable becomes what it is', { ...REGION, value: 'north' }],
  [
    'its phases are said in another order',
    { ...REGION, value: 'north', phases: ['SERVICE_DEPLOY', 'BUILD', 'MIGRATE'] },
  ],
  ['a variable is removed that is not stored', { ...noToken, name: 'NEVER_SAVED' }],
])('nothing is saved when %s', (_what, change) => {
  expect(withChange([], change, STORED)).toEqual([]);
});

test.each<[what: string, change: VariableChange]>([
  ['the phases of a plain variable are others', { ...REGION, value: 'north', phases: ['BUILD'] }],
  ['a plain variable becomes a secret', { ...REGION, value: 'north', isSecret: true }],
  ['a secret is set anew', newToken],
])('something is saved when %s', (_what, change) => {
  expect(withChange([], change, STORED)).toEqual([change]);
});

test('rows are those that are stored and those that are new, by name, and say what is not saved', () => {
  const added: VariableChange = { name: 'CACHE', value: '', isSecret: false, phases: ['BUILD'] };

  const rows = rowsOf(STORED, [newToken, added]);

  expect(rows).toEqual([
    { ...added, state: 'added', stored: null },
    { ...REGION, state: 'stored', stored: REGION },
    { ...newToken, state: 'changed', stored: TOKEN },
  ]);
  expect(rowsOf(STORED, [noToken])[1]).toEqual({ ...TOKEN, state: 'removed', stored: TOKEN });
  expect(rowsOf(STORED, withoutChange([noToken], 'TOKEN'))[1]).toEqual({ ...TOKEN, state: 'stored', stored: TOKEN });
});

// The API removes a variable whose value is left out.
test('a variable is sent without a value only to remove it', () => {
  expect(inputOf([{ ...south, phases: ['BUILD'] }, noToken])).toEqual([
    { name: 'REGION', value: 'south', isSecret: false, phases: ['BUILD'] },
    { name: 'TOKEN', value: null },
  ]);
});

test('a new variable has a name of its own that a shell can take', () => {
  expect(['API_KEY', '_x1'].map((name) => nameProblem(name, ['TOKEN']))).toEqual([null, null]);
  expect(nameProblem('TOKEN', ['TOKEN'])).toBe('There is a variable TOKEN already.');
  for (const name of ['', '1ST', 'A-B', 'A B', 'A'.repeat(129)]) expect(nameProblem(name, [])).toMatch(/^Letters/);
});
