import { durationText } from './output.ts';
import { sizeText } from './push.ts';
import { findApp, findAppIfAny, listApps, listDeployments, listVersions } from './references.ts';
import { openSession, type Caller } from './session.ts';
import { coloured, words } from './status.ts';
import { printTable } from './table.ts';

export interface ListOptions {
  readonly limit: number;
}

export async function runDeployments(
  caller: Caller,
  name: string | undefined,
  { limit, status, all }: ListOptions & { status?: readonly string[]; all?: boolean },
): Promise<void> {
  const session = openSession(caller);
  const { output } = caller;
  const app = all ? null : await findAppIfAny(caller, session, name);
  const wanted = status?.map((one) => one.toUpperCase() as Uppercase<'completed'>);
  const rows = await listDeployments(session, { app, limit, status: wanted });
  printTable(output, rows, [
    { title: 'ID', text: ({ id }) => id },
    { title: 'APP', text: ({ productionApp }) => productionApp.subdomain },
    { title: 'NO', text: ({ number }) => String(number) },
    {
      title: 'STATUS',
      text: (row) => (row.isLive ? 'live' : words(row.status)),
      paint: (text, row) => coloured(row.status, text, output.resultColours),
    },
    { title: 'VERSION', text: ({ version }) => version.version },
    { title: 'TRIGGER', text: ({ trigger }) => words(trigger) },
    { title: 'MADE', text: ({ createdAt }) => createdAt.slice(0, 19) + 'Z' },
    { title: 'TOOK', text: ({ durationMs }) => durationText(durationMs) },
    { title: 'BY', text: ({ triggeredBy }) => triggeredBy?.name },
    { title: 'REASON', text: ({ reason }) => reason },
  ]);
  if (rows.length === 0)
    output.say(app ? `${app.subdomain} has no such deployments.` : 'There are no deployments yet.');
}

export async function runApps(caller: Caller, { limit }: ListOptions): Promise<void> {
  const { output } = caller;
  const apps = await listApps(openSession(caller), limit);
  printTable(output, apps, [
    { title: 'APP', text: ({ subdomain }) => subdomain },
    { title: 'HEALTH', text: ({ health }) => words(health) },
    { title: 'VERSION', text: ({ liveDeployment }) => liveDeployment?.version.version },
    { title: 'URL', text: ({ url }) => url },
    { title: 'ID', text: ({ id }) => id },
  ]);
  if (apps.length === 0) output.say('There are no apps yet. "windlass init" makes one.');
}

export async function runVersions(caller: Caller, name: string | undefined, { limit }: ListOptions): Promise<void> {
  const session = openSession(caller);
  const { output } = caller;
  const app = await findApp(caller, session, name);
  const versions = await listVersions(session, app, limit);
  printTable(output, versions, [
    { title: 'VERSION', text: ({ version }) => version },
    { title: 'ACTIVE', text: ({ isActive }) => (isActive ? 'active' : '') },
    { title: 'SIZE', text: ({ packageBytes }) => sizeText(packageBytes) },
    { title: 'PUSHED', text: ({ createdAt }) => createdAt.slice(0, 19) + 'Z' },
    { title: 'BY', text: ({ createdBy }) => createdBy?.name },
    { title: 'ID', text: ({ id }) => id },
  ]);
  if (versions.length === 0) output.say(`${app.subdomain} has no versions yet. Push one: windlass push`);
}
