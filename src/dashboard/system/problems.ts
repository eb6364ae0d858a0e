import type { PageSystemFragment, ProcessRole } from '../../generated/gql/graphql.ts';

type System = Pick<PageSystemFragment, 'processes' | 'eventBus'>;
type Process = System['processes'][number];

const ROLE_WORDS: Record<ProcessRole, string> = { API: 'API', WORKER: 'worker', HOST: 'host agent' };

/** `API, worker, host agent` */
export function rolesText(roles: readonly ProcessRole[]): string {
  return roles.map((role) => ROLE_WORDS[role]).join(', ');
}

/** What is not as it should be, the worst first, in sentences that say what follows from it. */
export function problemsOf({ processes, eventBus }: System): readonly string[] {
  const alive = processes.filter(({ isAlive }) => isAlive);
  return [
    ...missingRoles(alive),
    ...processes.filter(({ isAlive }) => !isAlive).map(lostText),
    ...(eventBus.isConnected ? [] : ['The event bus does not answer. Everything goes on, up to a second later.']),
    ...alive
      .filter(({ isEventBusConnected }) => eventBus.isConnected && !isEventBusConnected)
      .map((process) => `${nameOf(process)} does not reach the event bus, and hears of changes up to a second later.`),
    ...alive
      .filter(({ isSandboxed }) => isSandboxed === false)
      .map((process) => `${nameOf(process)} does not isolate builds: their commands reach what it reaches.`),
    ...mixedVersions(alive),
  ];
}

function missingRoles(alive: readonly Process[]): string[] {
  const has = (role: ProcessRole) => alive.some(({ roles }) => roles.includes(role));
  return [
    ...(has('WORKER') ? [] : ['No worker is alive: deployments wait until one starts.']),
    ...(has('HOST') ? [] : ['No host agent is alive: apps may not be reached, and no release starts.']),
  ];
}

function lostText(process: Process): string {
  const follows = process.roles.includes('WORKER') ? ' Another worker takes over what it was at.' : '';
  return `${nameOf(process)} gives no sign of life.${follows}`;
}

function mixedVersions(alive: readonly Process[]): string[] {
  const versions = [...new Set(alive.map(({ version }) => version))].toSorted();
  return versions.length < 2 ? [] : [`The processes run different versions: ${versions.join(', ')}.`];
}

function nameOf({ id, roles }: Process): string {
  return `The process ${id} (${rolesText(roles)})`;
}
