import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { breakingChanges } from '../scripts/schema-diff.ts';
import { createFolder } from './kit/folder.ts';

const schema = readFileSync('schema.graphql', 'utf8');

/** The schema with something planted; fails when there is nothing to replace. */
function planted(pattern: RegExp, replacement: string): string {
  expect(schema).toMatch(pattern);
  return schema.replace(pattern, replacement);
}

test('a schema breaks nothing of itself, nor by what is added to it', () => {
  expect(breakingChanges(schema, schema)).toEqual([]);
  expect(breakingChanges(schema, planted(/^type Query \{/m, 'type Query {\n  more: String'))).toEqual([]);
});

test.each([
  ['another name of a field', /^ {2}stateVersion: Int!$/m, '  version2: Int!', 'Deployment.stateVersion was removed.'],
  [
    'an input that must be given',
    /^(input CancelDeploymentInput \{[^}]*^ {2}reason: String)$/m,
    '$1!',
    'CancelDeploymentInput.reason changed type from String to String!.',
  ],
  [
    'another name of a value',
    /^ {2}CANCELLED$/m,
    '  STOPPED',
    'CANCELLED was removed from enum type DeploymentStatus.',
  ],
])('%s is a breaking change', (_name, pattern, replacement, description) => {
  expect(breakingChanges(schema, planted(pattern, replacement))).toEqual([description]);
});

const released = `
  interface Named { name: String! }
  type Query { now(size: Int, sort: String @deprecated): Page!, old: OldPage @deprecated, first: User }
  type Page { kind: Kind!, total: Int @deprecated }
  type OldPage { total: Int }
  type User implements Named { name: String! }
  enum Kind { A B @deprecated }
  input MakeInput { a: Int, b: Int @deprecated }
  type Mutation { make(input: MakeInput): Page }
`;

test.each([
  ['a field, and the type that it alone led to', 'old: OldPage @deprecated, ', '', /type OldPage .*\n/],
  ['an argument', ', sort: String @deprecated', ''],
  ['a value', 'B @deprecated', ''],
  ['an input field', ', b: Int @deprecated', ''],
])('%s may go once a release has deprecated it', (_name, text, replacement, type: RegExp | string = '') => {
  expect(released).toContain(text);
  const after = released.replace(text, replacement).replace(type, '');

  expect(breakingChanges(released, after)).toEqual([]);
  expect(breakingChanges(released.replaceAll(' @deprecated', ''), after)).not.toEqual([]);
});

test('what is deprecated may not change while it is there', () => {
  expect(breakingChanges(released, released.replace('total: Int @deprecated', 'total: String'))).toEqual([
    'Page.total changed type from Int to String.',
  ]);
});

test('a type that only an interface leads to may not go', () => {
  const before = released.replace('first: User', 'first: Named');

  expect(breakingChanges(before, before.replace(/type User .*\n/, ''))).toEqual(['User was removed.']);
});

/** The command of `npm run schema:check` on a schema, where there is no Git. */
function checkSchema(current: string) {
  using folder = createFolder();
  const file = join(folder.path, 'schema.graphql');
  writeFileSync(file, current);
  const args = ['--import', 'tsx', 'scripts/schema-diff.ts', 'schema.released.graphql', file];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env: { PATH: '' }, encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

test('the check passes on the schema as it is, and fails with a sentence on one that lacks what was released', () => {
  expect(checkSchema(schema)).toEqual({ status: 0, output: '' });
  expect(checkSchema(planted(/^ {2}"""Grows with every change.*\n {2}stateVersion: Int!\n/m, ''))).toEqual({
    status: 1,
    output: 'Deployment.stateVersion was removed. Clients of the last release rely on it: deprecate it first.\n',
  });
});

test('`npm run check` and CI run the check', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

  expect(scripts['schema:check']).toBe('tsx scripts/schema-diff.ts');
  expect(scripts['check']).toContain('npm run schema:check');
  expect(readFileSync('.ci/run', 'utf8')).toContain('npm run --silent schema:check');
});
