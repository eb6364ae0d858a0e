import { createApiClient, type ApiClient, type ApiError } from '../../client/api.ts';
import { CommandError, usageError } from './command-error.ts';
import { readCredentials } from './credentials.ts';
import type { CallerEnvironment } from './environment.ts';
import type { Output } from './output.ts';
import type { LinkedProject } from './project.ts';

/** What every command for callers gets: where it is called, by whom, and where its words go. */
export interface Caller {
  readonly environment: CallerEnvironment;
  readonly output: Output;
  readonly folder: string;
  readonly project: LinkedProject | null;
  /** The server that was named with `--url`. */
  readonly urlOption: string | null;
}

export interface Session {
  readonly url: string;
  readonly token: string;
  readonly client: ApiClient;
  /** For who follows a deployment: it outlasts a server that is away for a while, and ends when the user leaves. */
  patient(signal: AbortSignal): ApiClient;
}

/** A server that starts again takes less; an address that is wrong should not take longer. */
const RETRY_FOR_MS = 10_000;
const PATIENT_FOR_MS = 120_000;

/** The server that is meant, and the token for it. Throws CommandError when one of them is not known. */
export function openSession(caller: Caller): Session {
  const url = chooseUrl(caller);
  const token = chooseToken(caller, url);
  const server = { url, token, onRetry: sayOnce(caller.output) };
  return {
    url,
    token,
    client: createApiClient({ ...server, retryForMs: RETRY_FOR_MS }),
    patient: (signal) => createApiClient({ ...server, signal, retryForMs: PATIENT_FOR_MS }),
  };
}

/** Why nothing happens for a while. */
function sayOnce(output: Output): (refusal: ApiError) => void {
  let isSaid = false;
  return ({ message }) => {
    if (!isSaid) output.say(`… ${message} Trying again.`);
    isSaid = true;
  };
}

/** The server, by what is nearest: `--url`, WINDLASS_URL, the folder's link, the last sign-in. */
export function chooseUrl({ urlOption, environment, project }: Caller): string {
  const url = urlOption ?? environment.url ?? project?.url ?? readCredentials(environment.configFolder).current;
  if (url) return originOf(url);
  throw new CommandError(
    'notSignedIn',
    'You are not signed in, and no server was named.',
    'Run "windlass login --url <address>", or set WINDLASS_URL and WINDLASS_TOKEN.',
  );
}

export function originOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') return parsed.origin;
  throw usageError(`${JSON.stringify(url)} is not an address of a server.`, 'It begins with http:// or https://.');
}

/** Throws CommandError for what no header can carry, without a word of it: whoever refuses it later would quote it. */
function checkedToken(text: string): string {
  const token = text.trim();
  if (/^[\x21-\x7E]+$/.test(token)) return token;
  throw new CommandError('notSignedIn', 'The token has characters that no token has.', 'Look at WINDLASS_TOKEN.');
}

/** A folder from somewhere else must not choose who gets the token of the environment. */
function chooseToken({ urlOption, environment, project }: Caller, url: string): string {
  if (environment.token !== null) {
    const isNamedByFolderAlone = urlOption === null && environment.url === null && project !== null;
    if (!isNamedByFolderAlone) return checkedToken(environment.token);
    throw usageError(
      `WINDLASS_TOKEN is set, and only this folder says that it is for ${url}.`,
      `Set WINDLASS_URL=${url} too, if it is.`,
    );
  }
  const token = readCredentials(environment.configFolder).tokens[url];
  if (token !== undefined) return token;
  throw new CommandError(
    'notSignedIn',
    `You are not signed in to ${url}.`,
    `Run "windlass login --url ${url}", or set WINDLASS_URL and WINDLASS_TOKEN.`,
  );
}
