#!/usr/bin/env node
import { Command, InvalidArgumentError } from 'commander';
import { ROLES } from './app.ts';
import { runAuditVerify } from './cli/audit.ts';
import { serve } from './cli/serve.ts';
import { runDemo } from './cli/demo.ts';
import { runDoctor } from './cli/doctor.ts';
import { runMigrations } from './cli/migrate.ts';
import { UsageError } from './cli/operator.ts';
import { createToken, listTokens, revokeToken } from './cli/token.ts';
import { ConfigError } from './config.ts';
import { TOKEN_DAYS, TOKEN_DAYS_MAX } from './domain/access.ts';
import { ListenError } from './listen.ts';
import { DataLockedError } from './store/data-lock.ts';
import { MigrationError } from './store/migrate.ts';
import { SecretKeyError } from './store/secret-keys.ts';
import { SandboxError } from './targets/sandbox.ts';

const program = new Command('windlass').description('A self-hosted deployment control plane.');

program
  .command('serve')
  .description('Run everything in one process: API, worker and host agent.')
  .action(() => serve(ROLES));
program
  .command('api')
  .description('Run the API alone.')
  .action(() => serve(['api']));
program
  .command('worker')
  .description('Run the pipeline alone.')
  .action(() => serve(['worker']));
program
  .command('host')
  .description('Run the host agent and its gateway alone.')
  .action(() => serve(['host']));
program.command('migrate').description('Bring the database up to date and leave.').action(runMigrations);
program
  .command('doctor')
  .description('Check that everything is as it must be; exit code 1 if something is not.')
  .option('--json', 'print a JSON object for programs')
  .action(runDoctor);
const token = program.command('token').description('Tokens of users, by whoever has the database.');
token
  .command('create')
  .description('Make a token and print it, once, on standard output.')
  .option('--user <id>', 'whose it is; default: the first who may manage roles')
  .option('--name <name>', 'what it is for', 'made by the operator')
  .option('--days <days>', 'for how long', parseDays, TOKEN_DAYS)
  .option('--scopes <scopes>', 'what it allows at most, separated by commas', parseList)
  .option('--apps <ids>', 'the production apps that it is for, separated by commas', parseList)
  .action(createToken);
token
  .command('list')
  .description('List all tokens, without their secrets.')
  .option('--json', 'print JSON for programs')
  .action(listTokens);
token.command('revoke').description('Refuse a token from now on.').argument('<id>').action(revokeToken);
program
  .command('audit')
  .description('What was done and refused.')
  .command('verify')
  .description('Check that nothing of it was changed; exit code 1 if something was.')
  .option('--json', 'print a JSON object for programs')
  .action(runAuditVerify);
program
  .command('demo')
  .description('Start everything embedded, deploy a sample app, and show it.')
  .option('--exit', 'leave once the app serves; exit code 1 if it does not')
  .option('--port <port>', 'port of the API; 0 picks free ports for the API and for apps', parsePort)
  .action(runDemo);

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

/** What a user can mend gets a sentence; everything else is ours and gets its stack. */
const EXPECTED = [ConfigError, ListenError, DataLockedError, MigrationError, UsageError, SecretKeyError, SandboxError];

try {
  await program.parseAsync();
} catch (error) {
  const isExpected = EXPECTED.some((kind) => error instanceof kind);
  console.error(isExpected ? `windlass: ${(error as Error).message}` : error);
  process.exitCode = 1;
}
