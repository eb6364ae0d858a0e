import { text as readAll } from 'node:stream/consumers';
import { createApiClient } from '../../client/api.ts';
import { ViewerDocument, type ViewerQuery } from '../../generated/gql/graphql.ts';
import { CommandError, usageError } from './command-error.ts';
import { credentialsFile, readCredentials, removeToken, storeToken } from './credentials.ts';
import type { ExitName } from './exit-codes.ts';
import { chooseUrl, openSession, originOf, type Caller } from './session.ts';

/** Where a server answers that was started without settings. */
const LOCAL_URL = 'http://127.0.0.1:4000';

export interface LoginOptions {
  readonly token?: string;
}

/** Keeps a token, after the server has said whose it is. */
export async function runLogin(caller: Caller, options: LoginOptions): Promise<void> {
  const { output, environment } = caller;
  const url = await loginUrl(caller);
  const token = (options.token ?? (await readToken(caller, url))).trim();
  if (token === '') throw usageError('No token was given.', 'Pipe it into "windlass login", or pass --token.');
  // What no header can carry would be quoted in the error of whoever refuses it.
  if (!/^[\x21-\x7E]+$/.test(token)) throw usageError('The token has characters that no token has.');
  const { viewer } = await createApiClient({ url, token }).request(ViewerDocument, {});
  storeToken(environment.configFolder, url, token);
  if (output.json) return output.result(JSON.stringify({ type: 'login', url, user: viewer.user }));
  output.say(`Signed in to ${url} as ${viewer.user.name}. Kept in ${credentialsFile(environment.configFolder)}.`);
  if (environment.token !== null) output.warn('WINDLASS_TOKEN is set: it is used in place of what was kept.');
}

async function loginUrl(caller: Caller): Promise<string> {
  const { urlOption, environment, project, output } = caller;
  const known = urlOption ?? environment.url ?? project?.url ?? readCredentials(environment.configFolder).current;
  if (known) return originOf(known);
  if (!output.canAsk) return LOCAL_URL;
  const { askText } = await import('./questions.ts');
  return originOf(await askText('Where does Windlass answer?', { initial: LOCAL_URL }));
}

/** From a pipe, or without an echo from a terminal. */
async function readToken({ output }: Caller, url: string): Promise<string> {
  if (output.canAsk) {
    const { askSecret } = await import('./questions.ts');
    return askSecret(`Token for ${url}`);
  }
  if (process.stdin.isTTY) throw usageError('No token was given.', 'Pipe it into "windlass login", or pass --token.');
  return readAll(process.stdin);
}

export async function runLogout(caller: Caller): Promise<ExitName | void> {
  const url = chooseUrl(caller);
  const { output, environment } = caller;
  const wasThere = removeToken(environment.configFolder, url);
  if (!wasThere) throw new CommandError('notSignedIn', `There is no sign-in for ${url}.`);
  if (output.json) return output.result(JSON.stringify({ type: 'logout', url }));
  output.say(`Signed out of ${url}. The token itself still works: revoke it if it should not.`);
}

/** Who the server takes the caller for. */
export async function runWhoami(caller: Caller): Promise<void> {
  const { output } = caller;
  const { url, client } = openSession(caller);
  const { viewer } = await client.request(ViewerDocument, {});
  if (output.json) return output.result(JSON.stringify({ type: 'viewer', url, ...viewer }));
  output.result(`${viewer.user.name} (${viewer.user.id})`);
  output.result(`  Server         ${url}`);
  for (const { organization, role, scopes } of viewer.memberships) {
    output.result(`  Organization   ${organization.slug} as ${role}: ${scopeNames(scopes)}`);
  }
  if (viewer.token) output.result(`  Token          ${tokenText(viewer.token)}`);
}

function tokenText({ name, expiresAt, scopes, productionAppIds }: NonNullable<ViewerQuery['viewer']['token']>): string {
  const until = expiresAt ? `until ${expiresAt}` : 'without an end';
  const bounds = [
    ...(scopes ? [`for ${scopeNames(scopes)}`] : []),
    ...(productionAppIds ? [`for the apps ${productionAppIds.join(', ')}`] : []),
  ];
  return [name, until, ...bounds].join(', ');
}

function scopeNames(scopes: readonly string[]): string {
  if (scopes.length === 0) return 'reading only';
  return scopes.map((scope) => scope.toLowerCase().replace('_', ':')).join(', ');
}
