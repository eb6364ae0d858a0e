#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { leaveQuietlyWhenNobodyReads } from './cli/broken-pipe.ts';
import { addCallerCommands } from './cli/caller/commands.ts';
import { EXIT_CODES } from './cli/caller/exit-codes.ts';
import { ROLES } from './domain/process.ts';
import { TOKEN_DAYS, TOKEN_DAYS_MAX } from './domain/access.ts';
import { VERSION } from './version.ts';

// Each command loads what it needs when it is called: the server takes ten times as long to load as the rest.
const program = new Command('windlass')
  .description('A self-hosted deployment control plane.')
  .version(VERSION)
  .enablePositionalOptions()
  .configureOutput({
    writeOut(text) {
      leaveQuietlyWhenNobodyReads();
      process.stdout.write(text);
    },
  })
  .exitOverride();

addCallerCommands(program, async () => (await import('./cli/serve.ts')).serve(['api']));
program.commandsGroup('Commands for operators:');

program
  .command('serve')
  .description('Run everything in one process: API, worker and host agent.')
  .action(async () => (await import('./cli/serve.ts')).serve(ROLES));
program
  .command('worker')
  .description('Run the pipeline alone.')
  .action(async () => (await import('./cli/serve.ts')).serve(['worker']));
program
  .command('host')
  .description('Run the host agent and its gateway alone.')
  .action(async () => (await import('./cli/serve.ts')).serve(['host']));
program
  .command('migrate')
  .description('Bring the database up to date and leave.')
  .action(async () => (await import('./cli/migrate.ts')).runMigrations());
program
  .command('doctor')
  .description('Check that everything is as it must be; exit code 1 if something is not.')
  .option('--json', 'print a JSON object for programs')
  .action(async (options) => (await import('./cli/doctor.ts')).runDoctor(options));
const token = program.command('token').description('Tokens of users, by whoever has the database.');
token
  .command('create')
  .description('Make a token and print it, once, on standard output.')
  .option('--user <id>', 'whose it is; default: the first who may manage roles')
  .option('--name <name>', 'what it is for', 'made by the operator')
  .option('--days <days>', 'for how long', parseDays, TOKEN_DAYS)
  .option('--scopes <scopes>', 'what it allows at most, separated by commas', parseList)
  .option('--apps <ids>', 'the production apps that it is for, separated by commas', parseList)
  .action(async (options) => (await import('./cli/token.ts')).createToken(options));
token
  .command('list')
  .description('List all tokens, without their secrets.')
  .option('--json', 'print JSON for programs')
  .action(async (options) => (await import('./cli/token.ts')).listTokens(options));
token
  .command('revoke')
  .description('Refuse a token from now on.')
  .argument('<id>')
  .action(async (id: string) => (await import('./cli/token.ts')).revokeToken(id));
program
  .command('audit')
  .description('What was done and refused.')
  .command('verify')
  .description('Check that nothing of it was changed; exit code 1 if something was.')
  .option('--json', 'print a JSON object for programs')
  .action(async (options) => (await import('./cli/audit.ts')).runAuditVerify(options));
program
  .command('demo')
  .description('Start everything embedded, deploy a sample app, and show it.')
  .option('--exit', 'leave once the app serves; exit code 1 if it does not')
  .option('--port <port>', 'port of the API; 0 picks free ports for the API and for apps', parsePort)
  .action(async (options) => (await import('./cli/demo.ts')).runDemo(options));

function parsePort(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('A port is a number from 0 to 65535.');
}

function parseDays(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= TOKEN_DAYS_MAX) return Number(text);
  throw new InvalidArgumentError(`Days are a number from 1 to ${TOKEN_DAYS_MAX}.`);
}

function parseList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** What a user can mend gets a sentence; everything else is ours and gets its stack. By name: most are never loaded. */
const EXPECTED = new Set([
  'ConfigError',
  'ListenError',
  'DataLockedError',
  'MigrationError',
  'UsageError',
  'SecretKeyError',
  'SandboxError',
]);

try {
  await program.parseAsync();
} catch (error) {
  // Commander has said what it has to say: help, or what is wrong with the command line.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_CODES.usage.code;
  else {
    const isExpected = error instanceof Error && EXPECTED.has(error.name);
    console.error(isExpected ? `windlass: ${error.message}` : error);
    process.exitCode = 1;
  }
}
