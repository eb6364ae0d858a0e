import { z } from 'zod';
import { OPEN_STATUSES } from '../domain/deployment.ts';
import { createId } from '../domain/ids.ts';
import { Prisma, type PrismaClient, type Release } from '../generated/prisma/client.ts';
import type { Claim, StateChange } from './deployments.ts';
import type { Statements } from './statements.ts';

const releaseService = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('process'), start: z.string() }),
  z.object({ kind: z.literal('static'), folder: z.string(), fallback: z.string().nullable() }),
]);

/** How to run one artifact: what a host needs to know and nothing more. */
export const releaseSpec = z.preprocess(
  serviceOfOlderSpec,
  z.object({
    artifactKey: z.string(),
    artifactSha256: z.string(),
    service: releaseService,
    healthPath: z.string(),
    healthTimeoutMs: z.number(),
    watchMs: z.number().default(0),
    drainMs: z.number(),
    env: z.record(z.string(), z.string()),
  }),
);
export type ReleaseSpec = z.output<typeof releaseSpec>;

/** Releases of before there were static apps have their start command beside the rest. */
function serviceOfOlderSpec(stored: unknown): unknown {
  if (typeof stored !== 'object' || stored === null || !('start' in stored)) return stored;
  const { start, ...rest } = stored;
  return { ...rest, service: { kind: 'process', start } };
}

/** Why a release is not healthy, as its host saw it. */
export const releaseProblem = z.object({
  kind: z.enum(['exited', 'health_timeout', 'not_startable']),
  message: z.string(),
  exitCode: z.number().nullable(),
  signal: z.string().nullable(),
});
export type ReleaseProblem = z.output<typeof releaseProblem>;

/**
 * The wanted release of a deployment. Asking again, after a crash, gives the same release back. Null when the claim is
 * lost, or a cancel was asked for.
 */
export async function wantRelease(
  statements: Statements,
  claim: Claim,
  productionAppId: string,
  { spec, sealedEnvironment }: { spec: ReleaseSpec; sealedEnvironment: Uint8Array },
): Promise<string | null> {
  const [release] = await statements.$queryRaw<{ id: string }[]>`
    insert into releases (id, production_app_id, deployment_id, spec, sealed_environment)
    select ${createId('Release')}, ${productionAppId}, d.id, ${JSON.stringify(spec)}::jsonb, ${sealedEnvironment}
    from deployments d where d.id = ${claim.deploymentId} and d.run = ${claim.run} and d.status = 'in_progress'
      and d.cancel_requested_at is null
    on conflict (deployment_id) do update set wanted = 'running', spec = excluded.spec,
      sealed_environment = excluded.sealed_environment, problem = null,
      observed = case when releases.observed = 'healthy' then releases.observed else 'pending' end
    returning id`;
  return release?.id ?? null;
}

export function loadRelease(prisma: PrismaClient, id: string): Promise<Release> {
  return prisma.release.findUniqueOrThrow({ where: { id } });
}

/**
 * Points the app's traffic at a release in one step and remembers what it replaces. Null when the claim is lost, a cancel
 * was asked for, or the app was deleted. Repeated, it changes nothing.
 *
 * The app's row is locked before the deployment's, as everywhere: a deletion comes before this and is seen, or after it
 * and takes the release off again.
 */
export async function switchToRelease(
  statements: Statements,
  claim: Claim,
  releaseId: string,
): Promise<StateChange | null> {
  const [change] = await statements.$queryRaw<StateChange[]>`
    with app as (
      select a.id, a.live_release_id from production_apps a join deployments d on d.production_app_id = a.id
      where d.id = ${claim.deploymentId} and a.deleted_at is null
      for update of a
    ), held as (
      update deployments d set state_version = d.state_version + 1
      from app
      where d.id = ${claim.deploymentId} and d.run = ${claim.run} and d.status = 'in_progress'
        and d.cancel_requested_at is null
      returning d.id, d.state_version
    ), replaced as (
      update releases r set replaces_id = app.live_release_id, switched_at = clock_timestamp()
      from app, held where r.id = ${releaseId} and app.live_release_id is distinct from r.id
    ), switched as (
      update production_apps a set live_release_id = ${releaseId} from app, held where a.id = app.id
    ), event as (
      insert into deployment_events (deployment_id, seq, at, type, message)
      select id, state_version, clock_timestamp(), 'switch', 'Traffic goes to the new release.' from held
    )
    select id as "deploymentId", state_version as "stateVersion" from held`;
  return change ?? null;
}

/**
 * Takes back whatever a deployment did to the app's traffic, in one step, and wants its release stopped. Answers the
 * release, and whether traffic was switched back. Null when there is nothing to take back, or the claim is lost.
 */
export async function withdrawRelease(
  statements: Statements,
  claim: Claim,
): Promise<{ releaseId: string; switchedBack: boolean; replacesId: string | null } | null> {
  const [withdrawn] = await statements.$queryRaw<
    { releaseId: string; switchedBack: boolean; replacesId: string | null }[]
  >`
    with held as (
      select r.id, r.production_app_id, r.replaces_id
      from releases r
        join deployments d on d.id = r.deployment_id
        join production_apps a on a.id = r.production_app_id
      where d.id = ${claim.deploymentId} and d.run = ${claim.run} and d.status = 'in_progress'
      for update of a, d, r
    ), back as (
      update production_apps a set live_release_id = held.replaces_id
      from held where a.id = held.production_app_id and a.live_release_id = held.id
      returning a.id
    ), stopped as (
      update releases r set wanted = 'stopped' from held where r.id = held.id
    ), unacknowledged as (
      -- Only what the host writes after this counts as its word that traffic goes back.
      update releases r set routed_at = null from held
      where r.id = held.replaces_id and exists (select from back)
    ), changed as (
      update deployments set state_version = state_version + 1
      where id = ${claim.deploymentId} and exists (select from back)
      returning id, state_version
    ), event as (
      insert into deployment_events (deployment_id, seq, at, type, message)
      select id, state_version, clock_timestamp(), 'switch', 'Traffic goes back to the release before.' from changed
    )
    select id as "releaseId", exists (select from back) as "switchedBack", replaces_id as "replacesId" from held`;
  return withdrawn ?? null;
}

/**
 * Wants every release stopped that takes no traffic and whose deployment has ended. While a deployment of the app is in
 * progress, its old release stays: traffic may go back to it. Answers how many.
 */
export function stopOwnerlessReleases(prisma: PrismaClient): Promise<number> {
  return prisma.$executeRaw`
    update releases r set wanted = 'stopped'
    from deployments d, production_apps a
    where d.id = r.deployment_id and a.id = r.production_app_id and r.wanted = 'running'
      and d.status in ('completed', 'failed', 'cancelled') and a.live_release_id is distinct from r.id
      and not exists (select from deployments o where o.production_app_id = a.id and o.status = 'in_progress')`;
}

/** A release that its host must do something about, with the app it belongs to. */
export type HostedRelease = Release & {
  productionApp: { id: string; subdomain: string; liveReleaseId: string | null };
};

/** Makes a host known, or known again, and gives it the releases that no host has. */
export async function registerHost(
  prisma: PrismaClient,
  host: { id: string; gatewayUrl: string; purgeSecret: string },
): Promise<void> {
  const { id, ...facts } = { ...host, seenAt: new Date() };
  await prisma.host.upsert({ where: { id }, create: { id, ...facts }, update: facts });
}

/** Takes unowned releases and answers all that are wanted, or that still have something left to stop. */
export async function claimReleases(prisma: PrismaClient, hostId: string): Promise<HostedRelease[]> {
  await prisma.release.updateMany({ where: { hostId: null, wanted: 'running' }, data: { hostId } });
  return prisma.release.findMany({
    where: { hostId, OR: [{ wanted: 'running' }, { observed: { not: 'stopped' } }] },
    include: { productionApp: { select: { id: true, subdomain: true, liveReleaseId: true } } },
    orderBy: { id: 'asc' },
  });
}

/** Writes down what a host sees of a release. One that is stopped needs its environment no more. */
export async function observeRelease(
  prisma: PrismaClient,
  id: string,
  seen: {
    observed: Release['observed'];
    problem?: ReleaseProblem | null;
    port?: number | null;
    pid?: number | null;
    pidStartedAt?: string | null;
  },
): Promise<void> {
  const { problem, ...columns } = seen;
  const data = {
    ...columns,
    ...(problem === undefined ? {} : { problem: problem ?? Prisma.DbNull }),
    ...(seen.observed === 'stopped' ? { sealedEnvironment: null } : {}),
  };
  await prisma.release.update({ where: { id }, data });
}

/**
 * Writes down that a release turned unhealthy, if it takes its app's traffic, and has not for longer than it is watched.
 * The first time counts. Answers whether it was written down.
 */
export async function noteUnhealthy(prisma: PrismaClient, releaseId: string): Promise<boolean> {
  const noted = await prisma.$executeRaw`
    update releases r set unhealthy_at = clock_timestamp()
    from production_apps a
    where r.id = ${releaseId} and a.live_release_id = r.id and r.unhealthy_at is null
      and clock_timestamp() <= r.switched_at + make_interval(secs => (r.spec ->> 'watchMs')::float8 / 1000)`;
  return noted > 0;
}

/** Tells something of a release in its deployment's history, also after the deployment has ended. */
export async function recordReleaseEvent(
  prisma: Pick<PrismaClient, '$queryRaw'>,
  releaseId: string,
  message: string,
): Promise<StateChange | null> {
  const [change] = await prisma.$queryRaw<StateChange[]>`
    with changed as (
      update deployments d set state_version = d.state_version + 1
      from releases r where r.id = ${releaseId} and d.id = r.deployment_id
      returning d.id, d.state_version
    ), event as (
      insert into deployment_events (deployment_id, seq, at, type, message)
      select id, state_version, clock_timestamp(), 'release', ${message} from changed
    )
    select id as "deploymentId", state_version as "stateVersion" from changed`;
  return change ?? null;
}

/** Writes down which releases a host's gateway sends traffic to; all others of that host get none. */
export async function observeRoutes(
  prisma: PrismaClient,
  hostId: string,
  releaseIds: readonly string[],
): Promise<void> {
  await prisma.$executeRaw`
    with changed as (
      select id from releases
      where host_id = ${hostId} and (routed_at is not null) <> (id = any(${[...releaseIds]}::text[]))
      -- The new one first, as whoever withdraws it: in another order, the two could wait for each other.
      order by id desc
      for update
    )
    update releases r set routed_at = case when r.id = any(${[...releaseIds]}::text[]) then clock_timestamp() end
    from changed where r.id = changed.id`;
}

/** The gateways that serve an app now. */
export async function findGateways(
  prisma: PrismaClient,
  productionAppId: string,
): Promise<{ gatewayUrl: string; purgeSecret: string; subdomain: string }[]> {
  const app = await prisma.productionApp.findUniqueOrThrow({
    where: { id: productionAppId },
    select: { subdomain: true, liveRelease: { select: { host: true } } },
  });
  const host = app.liveRelease?.host;
  return host ? [{ gatewayUrl: host.gatewayUrl, purgeSecret: host.purgeSecret, subdomain: app.subdomain }] : [];
}

/** Of some apps, the deleted ones of which nothing runs, and nothing will: no deployment of theirs is open. */
export async function findAppsToRemove(prisma: PrismaClient, ids: readonly string[]): Promise<string[]> {
  const apps = await prisma.productionApp.findMany({
    where: {
      id: { in: [...ids] },
      deletedAt: { not: null },
      deployments: { none: { status: { in: [...OPEN_STATUSES] } } },
      // One that no host ever took has nothing to stop.
      releases: { none: { hostId: { not: null }, observed: { not: 'stopped' } } },
    },
    select: { id: true },
  });
  return apps.map(({ id }) => id);
}
