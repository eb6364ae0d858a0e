import { leaveQuietlyWhenNobodyReads } from '../broken-pipe.ts';
import { EXIT_CODES, type ExitName } from './exit-codes.ts';
import { CommandError, commandErrorOf } from './command-error.ts';
import { readEnvironment } from './environment.ts';
import { createOutput } from './output.ts';
import { findProject } from './project.ts';
import type { Caller } from './session.ts';

/** The options that every command for callers has. */
export interface CallerOptions {
  readonly url?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Runs a command for callers, says what went wrong, and sets the exit code. Nothing else of them does. */
export async function runCaller(
  options: CallerOptions,
  command: (caller: Caller) => Promise<ExitName | void>,
): Promise<void> {
  leaveQuietlyWhenNobodyReads();
  const environment = readEnvironment();
  const output = createOutput(environment, options);
  try {
    const folder = process.cwd();
    const caller = { environment, output, folder, project: findProject(folder), urlOption: options.url ?? null };
    const exit = await command(caller);
    process.exitCode = EXIT_CODES[exit ?? 'completed'].code;
  } catch (error) {
    const known = commandErrorOf(error) ?? faultOf(error);
    const { colours } = output;
    const code = EXIT_CODES[known.exit].code;
    if (output.json) output.result(JSON.stringify({ type: 'error', message: known.message, exitCode: code }));
    output.warn(`${colours.red('windlass:')} ${known.message}`);
    if (known.advice) output.warn(`  ${known.advice}`);
    process.exitCode = code;
    // Who leaves does not wait for a request that is under way.
    if (known.exit === 'interrupted') process.exit();
  }
}

/** What this machine refuses has its reason in the message; anything else is ours, and shows its stack. */
function faultOf(error: unknown): CommandError {
  const isOfMachine = error instanceof Error && 'syscall' in error;
  const text = error instanceof Error && !isOfMachine ? error.stack : undefined;
  return new CommandError('fault', text ?? (error instanceof Error ? error.message : String(error)));
}
