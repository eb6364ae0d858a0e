import type { Command } from 'commander';
import { createApiClient } from '../../client/api.ts';
import { completionOf, type Candidate, type ServerNames } from './completion.ts';
import { findAppIfAny, listApps, listDeployments, listVersions } from './references.ts';
import { openSession, type Caller, type Session } from './session.ts';
import { words } from './status.ts';

/** Somebody waits at a prompt: what takes longer is as if there was nothing. */
const PATIENCE_MS = 2_000;
const NAMES_MAX = 100;
const DEPLOYMENTS_MAX = 20;

/** Prints what may stand in place of the last of the words, each with a tab and what it is. Without a word, if it cannot. */
export async function runComplete(caller: Caller, program: Command, typed: readonly string[]): Promise<void> {
  const { candidates, names } = completionOf(program, typed);
  const found = names ? await findNames(caller, names).catch(() => []) : [];
  const last = typed.at(-1) ?? '';
  for (const { word, description } of [...candidates, ...found.filter((one) => one.word.startsWith(last))]) {
    caller.output.result(`${word}\t${description.replaceAll(/\p{Cc}+/gu, ' ')}`);
  }
}

async function findNames(caller: Caller, names: ServerNames): Promise<readonly Candidate[]> {
  const { url, token, ...session } = openSession(caller);
  const client = createApiClient({ url, token, signal: AbortSignal.timeout(PATIENCE_MS) });
  return listNames(caller, { ...session, url, token, client }, names);
}

async function listNames(caller: Caller, session: Session, names: ServerNames): Promise<readonly Candidate[]> {
  if (names.kind === 'apps') {
    const apps = await listApps(session, NAMES_MAX);
    return apps.map(({ subdomain, liveDeployment, health }) => ({
      word: subdomain,
      description: liveDeployment ? `${words(health)}, version ${liveDeployment.version.version}` : 'not deployed yet',
    }));
  }
  const app = await findAppIfAny(caller, session, names.app);
  if (names.kind === 'versions') {
    const versions = app ? await listVersions(session, app, NAMES_MAX) : [];
    return versions.map(({ version, isActive, createdAt }) => ({
      word: version,
      description: `${isActive ? 'active, ' : ''}pushed ${createdAt.slice(0, 16)}Z`,
    }));
  }
  const deployments = await listDeployments(session, { app, limit: DEPLOYMENTS_MAX });
  return deployments.map(({ id, number, productionApp, status, version }) => ({
    word: id,
    description: `${productionApp.subdomain} ${number}, version ${version.version}: ${words(status)}`,
  }));
}
