/** How a command ends: one table, from which `windlass help exit-codes` is printed and docs/cli.md is checked. */
export const EXIT_CODES = {
  completed: { code: 0, meaning: 'It was done. For a deployment: it has completed, and its release serves.' },
  failed: {
    code: 1,
    meaning: 'The deployment has failed, or its package was rejected. What served before still does.',
  },
  usage: { code: 2, meaning: 'The command, or what was given to it, is not valid. Nothing was done.' },
  server: { code: 3, meaning: 'The server cannot be reached, has too much to do, or has a fault of its own.' },
  notSignedIn: { code: 4, meaning: 'No token, or one that is unknown, expired or revoked. Run "windlass login".' },
  forbidden: { code: 5, meaning: 'The token is valid, but may not do this.' },
  notFound: { code: 6, meaning: 'There is no such thing, or you may not see it.' },
  conflict: {
    code: 7,
    meaning: 'It does not fit what is there: another deployment is open, the deployment has ended, …',
  },
  timedOut: { code: 8, meaning: 'The time of --timeout is over. The deployment goes on.' },
  cancelled: { code: 9, meaning: 'The deployment was cancelled. What served before still does.' },
  unknown: {
    code: 10,
    meaning: 'The deployment was made, but how it ended cannot be learnt. Look at it before you try again.',
  },
  fault: {
    code: 70,
    meaning: 'This program has a fault, or this machine does not let it work. What is wrong is printed.',
  },
  interrupted: {
    code: 130,
    meaning: 'You left (Ctrl-C, SIGTERM) before the end. A deployment goes on, unless it was cancelled.',
  },
} as const;
export type ExitName = keyof typeof EXIT_CODES;

/** What each refusal of the server ends a command with. A test compares its keys with the server's table. */
const EXIT_OF_REFUSAL: Readonly<Record<string, ExitName>> = {
  BAD_USER_INPUT: 'usage',
  GRAPHQL_PARSE_FAILED: 'usage',
  GRAPHQL_VALIDATION_FAILED: 'usage',
  QUERY_TOO_COMPLEX: 'usage',
  UNAUTHENTICATED: 'notSignedIn',
  FORBIDDEN: 'forbidden',
  NOT_FOUND: 'notFound',
  METHOD_NOT_ALLOWED: 'server',
  NOT_ACCEPTABLE: 'server',
  REQUEST_TIMEOUT: 'server',
  CONFLICT: 'conflict',
  ALREADY_FINISHED: 'conflict',
  OVERLAP_REJECTED: 'conflict',
  PAYLOAD_TOO_LARGE: 'failed',
  UNSUPPORTED_MEDIA_TYPE: 'server',
  IDEMPOTENCY_MISMATCH: 'conflict',
  NO_ACTIVE_VERSION: 'conflict',
  VERSION_NOT_OF_ENTITY: 'usage',
  PACKAGE_REJECTED: 'failed',
  RATE_LIMITED: 'server',
  HEADERS_TOO_LARGE: 'server',
  INTERNAL: 'server',
  UNAVAILABLE: 'server',
};
export const REFUSALS_WITH_EXIT: readonly string[] = Object.keys(EXIT_OF_REFUSAL);

/** A code that is not known here is of a newer server, or of none. */
export function exitOfRefusal(code: string): ExitName {
  return EXIT_OF_REFUSAL[code] ?? 'server';
}

export function exitCodesText(): string {
  const rows = Object.values(EXIT_CODES).map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`);
  return ['Exit codes of the commands for callers:', '', ...rows, ''].join('\n');
}
