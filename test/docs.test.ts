import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Command } from 'commander';
import { addCallerCommands } from '../src/cli/caller/commands.ts';
import { EXIT_CODES } from '../src/cli/caller/exit-codes.ts';
import { FAILURE_CODES } from '../src/domain/deployment.ts';
import { ERROR_STATUS } from '../src/domain/errors.ts';
import { settings } from '../src/config.ts';
import { JSON_LIMITS } from '../src/http/json.ts';
import { OPERATION_LIMITS } from '../src/http/limits.ts';

const read = (file: string) => readFileSync(file, 'utf8');

/** The first columns of a document's tables, as far as they are code. */
function firstColumns(text: string, columns: number): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, columns + 1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll('`', '')));
}

test('docs/errors.md lists every refusal with its status, every failure code, and no other', () => {
  const rows = firstColumns(read('docs/errors.md'), 2);

  const refusals = rows.filter(([, status]) => /^\d{3}$/.test(status!));
  const failures = rows.filter(([, status]) => !/^\d{3}$/.test(status!)).map(([code]) => code);
  expect(Object.fromEntries(refusals.map(([code, status]) => [code, Number(status)]))).toEqual(ERROR_STATUS);
  expect(failures.toSorted()).toEqual([...FAILURE_CODES].toSorted());
});

test('docs/security.md gives every limit of operations with its value, and no other', () => {
  const rows = firstColumns(read('docs/security.md'), 2);

  expect(Object.fromEntries(rows.map(([name, most]) => [name, Number(most)]))).toEqual(OPERATION_LIMITS);
});

test.each(Object.entries(JSON_LIMITS))('docs/security.md says how many %s a body may have', (name, most) => {
  const [, documented] = new RegExp(`^\\| ${name} in a body +\\| ([\\d,]+) `, 'm').exec(read('docs/security.md')) ?? [];

  expect(documented).toBe(most.toLocaleString('en'));
});

test('docs/configuration.md lists every setting and no other', () => {
  const keys = firstColumns(read('docs/configuration.md'), 1).map(([key]) => key);

  expect(keys.toSorted()).toEqual(Object.keys(settings.shape).toSorted());
});

test('the README gives the two commands, and package.json has their scripts', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

  for (const command of ['npm ci && npm run demo', 'npm ci && npm test']) expect(read('README.md')).toContain(command);
  expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['demo', 'test', 'check']));
});

test('every link between documents leads to a file that exists', () => {
  const documents = [
    'README.md',
    'CHANGELOG.md',
    ...readdirSync('docs')
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];

  const broken: string[] = [];
  for (const document of documents) {
    for (const [, target] of read(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)) {
      const file = new URL(target!, `file://${process.cwd()}/${document}`);
      try {
        readFileSync(file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EISDIR') broken.push(`${document}: ${target}`);
      }
    }
  }

  expect(broken).toEqual([]);
});

test('the lock file and the settings of npm name no registry', () => {
  expect(read('package-lock.json')).not.toMatch(/"resolved"/);
});

test('docs/cli.md lists every exit code with its meaning, and every command for callers', () => {
  const text = read('docs/cli.md');
  const rows = firstColumns(text, 2);
  const program = new Command('windlass');
  addCallerCommands(program, async () => {});

  const codes = rows.filter(([code]) => /^\d+$/.test(code!));
  const commands = rows.filter(([name]) => /^[a-z]+$/.test(name!)).map(([name]) => name);
  const inCode = (meaning: string) => meaning.replaceAll('`', '');
  expect(codes).toEqual(Object.values(EXIT_CODES).map(({ code, meaning }) => [String(code), inCode(meaning)]));
  const visible = program.createHelp().visibleCommands(program);
  expect(commands.toSorted()).toEqual(visible.map((command) => command.name()).toSorted());
});
