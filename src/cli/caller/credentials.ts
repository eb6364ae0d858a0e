import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError } from './command-error.ts';

/** The sign-ins of this user: a token for each server, in a file that only the user can read. */
export interface Credentials {
  /** The server of the last sign-in: what is asked when nothing names another. */
  readonly current: string | null;
  readonly tokens: Readonly<Record<string, string>>;
}

const ELSEWHERE = 'Choose another folder by XDG_CONFIG_HOME, or set WINDLASS_URL and WINDLASS_TOKEN instead.';
const NONE: Credentials = { current: null, tokens: {} };

export function credentialsFile(configFolder: string): string {
  return join(configFolder, 'credentials.json');
}

export function readCredentials(configFolder: string): Credentials {
  const file = credentialsFile(configFolder);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    // The second where a home is no folder, as /dev/null is.
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return NONE;
    throw new CommandError('notSignedIn', `${file} cannot be read: ${(error as Error).message}`, ELSEWHERE);
  }
  // Not with the parser's own message, which may quote a token.
  return parseCredentials(text) ?? refuse(file);
}

function refuse(file: string): never {
  throw new CommandError('notSignedIn', `${file} is not what it should be.`, 'Remove it, and run "windlass login".');
}

function parseCredentials(text: string): Credentials | null {
  try {
    const { current, tokens } = JSON.parse(text) as Partial<Credentials>;
    const isValid = typeof tokens === 'object' && Object.values(tokens).every((token) => typeof token === 'string');
    return isValid ? { current: typeof current === 'string' ? current : null, tokens } : null;
  } catch {
    return null;
  }
}

/** Keeps a token, and makes its server the one that is asked by default. */
export function storeToken(configFolder: string, url: string, token: string): void {
  const { tokens } = readCredentials(configFolder);
  write(configFolder, { current: url, tokens: { ...tokens, [url]: token } });
}

/** False when there was none. */
export function removeToken(configFolder: string, url: string): boolean {
  const { current, tokens } = readCredentials(configFolder);
  if (!(url in tokens)) return false;
  const { [url]: _removed, ...rest } = tokens;
  write(configFolder, { current: current === url ? (Object.keys(rest)[0] ?? null) : current, tokens: rest });
  return true;
}

/** Whole or not at all, whatever ends the process; readable for nobody else at any moment. */
function write(configFolder: string, credentials: Credentials): void {
  const file = credentialsFile(configFolder);
  try {
    mkdirSync(configFolder, { recursive: true, mode: 0o700 });
    chmodSync(configFolder, 0o700);
    replaceFile(file, `${JSON.stringify(credentials, null, 2)}\n`);
  } catch (cause) {
    throw new CommandError('usage', `${file} cannot be written: ${(cause as Error).message}`, ELSEWHERE, { cause });
  }
}

function replaceFile(file: string, content: string): void {
  const unfinished = `${file}.${process.pid}`;
  try {
    writeFileSync(unfinished, content, { mode: 0o600, flag: 'wx' });
    renameSync(unfinished, file);
  } finally {
    rmSync(unfinished, { force: true });
  }
}
