import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * What the commands for callers take from their environment. It stands apart from the server's settings, which a caller
 * need not have; beside src/config.ts this is the only file that may read `process.env`.
 */
export interface CallerEnvironment {
  readonly url: string | null;
  readonly token: string | null;
  /** Where sign-ins are kept. */
  readonly configFolder: string;
  /** Nobody watches: no questions, no lines that are drawn anew. */
  readonly isCi: boolean;
  readonly isGithubActions: boolean;
  /** Whether to colour what goes to a terminal; null: as the terminal is. */
  readonly colours: boolean | null;
  /** Whether a terminal can move its cursor. */
  readonly isDumb: boolean;
  readonly browser: string | null;
}

export function readEnvironment(env: NodeJS.ProcessEnv = process.env): CallerEnvironment {
  // Empty counts as unset.
  const value = (name: string): string | null => env[name] || null;
  return {
    url: value('WINDLASS_URL'),
    token: value('WINDLASS_TOKEN'),
    configFolder: join(value('XDG_CONFIG_HOME') ?? join(homedir(), '.config'), 'windlass'),
    isCi: value('CI') !== null && value('CI') !== 'false',
    isGithubActions: value('GITHUB_ACTIONS') === 'true',
    colours: value('NO_COLOR') !== null ? false : value('FORCE_COLOR') !== null ? value('FORCE_COLOR') !== '0' : null,
    isDumb: value('TERM') === 'dumb',
    browser: value('BROWSER'),
  };
}
