import { ApiError } from '../../client/api.ts';
import { exitOfRefusal, type ExitName } from './exit-codes.ts';

/** Ends a command with a sentence, what to do about it, and an exit code. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exit: ExitName;
  readonly advice: string | null;
  constructor(exit: ExitName, message: string, advice: string | null = null, options?: ErrorOptions) {
    super(message, options);
    this.exit = exit;
    this.advice = advice;
  }
}

export function usageError(message: string, advice: string | null = null): CommandError {
  return new CommandError('usage', message, advice);
}

/** A refusal as people read it, or null for what is a fault of this program. */
export function commandErrorOf(error: unknown): CommandError | null {
  if (error instanceof CommandError) return error;
  if (!(error instanceof ApiError)) return null;
  return new CommandError(exitOfRefusal(error.code), error.message, adviceFor(error), { cause: error });
}

function adviceFor({ code, details }: ApiError): string | null {
  switch (code) {
    case 'UNAUTHENTICATED':
      return 'Sign in with "windlass login", or set WINDLASS_TOKEN.';
    case 'FORBIDDEN':
      return '"windlass whoami" shows what you may do. Ask an owner of the organization for the rest.';
    case 'NOT_FOUND':
      return 'Look at the name or id, and at whose token you use: "windlass whoami".';
    case 'OVERLAP_REJECTED':
      return `Wait for it (windlass watch ${textOf(details['deploymentId'])}), cancel it, or choose another --overlap.`;
    case 'ALREADY_FINISHED':
      return 'It has ended: "windlass status" shows how.';
    case 'NO_ACTIVE_VERSION':
      return 'Push one with "windlass push --activate", or name one with --version.';
    case 'UNAVAILABLE':
    case 'NOT_WINDLASS':
      return 'Look at the address (--url, WINDLASS_URL), and whether the server runs there.';
    default:
      return null;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '@latest';
}
