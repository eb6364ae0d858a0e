import { expect, test } from 'vitest';
import {
  environmentOf,
  nameProblem,
  VALUE_BYTES_MAX,
  valueProblem,
  type Variable,
} from '../../src/domain/environment.ts';

test.each(['A', '_', 'npm_config_registry', 'Ab_9', 'x'.repeat(128), 'PATH', 'WINDLASS'])('%s is a name', (name) => {
  expect(nameProblem(name)).toBeNull();
});

test.each([
  '',
  '1A',
  'A-B',
  'A B',
  'A=B',
  'A\0',
  'Ä',
  'A\n',
  'x'.repeat(129),
  'PORT',
  'HOST',
  'DATA_DIR',
  'DATABASE_URL',
  'WINDLASS_PROCESS_MARKER',
])('%j is no name of a variable', (name) => {
  expect(nameProblem(name)).toMatch(/^must /);
});

test('a value may be empty and have lines, but no NUL and no more than 32 KiB', () => {
  expect(['', 'a\nb', 'x'.repeat(VALUE_BYTES_MAX)].map(valueProblem)).toEqual([null, null, null]);
  expect(valueProblem('a\0b')).toBe('must not hold a NUL');
  expect(valueProblem('ä'.repeat(VALUE_BYTES_MAX / 2 + 1))).toBe('must be at most 32768 bytes');
});

test('a phase gets the variables that name it, and no other', () => {
  const variable = (name: string, phases: Variable['phases']): Variable => ({
    name,
    value: name,
    isSecret: true,
    phases,
  });
  const variables = [variable('BOTH', ['build', 'migrate']), variable('MIGRATE', ['migrate'])];

  expect(environmentOf(variables, 'build')).toEqual({ BOTH: 'BOTH' });
  expect(environmentOf(variables, 'migrate')).toEqual({ BOTH: 'BOTH', MIGRATE: 'MIGRATE' });
  expect(environmentOf(variables, 'service_deploy')).toEqual({});
});
