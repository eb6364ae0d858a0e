import { Prisma } from '../generated/prisma/client.ts';
import type { Statements } from './statements.ts';

/**
 * Turns make the queue fair between organizations. Each deployment gets one when it is triggered, and among waiting ones
 * the lowest turn is taken first.
 *
 * - The deployments of one organization have turns one after another.
 * - An organization without open deployments begins just before what the work of all is at, and not behind what others
 *   have queued up.
 *
 * So with 1,000 waiting deployments of one organization, the first one of another is next, and then the two go on in
 * turns. (This is start-time fair queueing.) Deployments of one organization that are triggered at the same moment may
 * get the same turn. That costs nobody his place: to lock the organization instead would make its triggers wait for each
 * other, and hold up the connections of all.
 */
export function nextTurn(organizationId: string): Prisma.Sql {
  return Prisma.sql`(
    select case when mine.last is null then work.turn - 1 else greatest(work.turn, mine.last + 1) end
    from (
      select coalesce(
        (select max(turn) from deployments where status = 'in_progress'),
        (select min(turn) - 1 from deployments where status = 'pending'),
        0) as turn
    ) work, (
      select max(turn) as last from deployments
      where organization_id = ${organizationId} and status in ('pending', 'in_progress')
    ) mine)`;
}

/**
 * The turn of the app's deployment that is to be taken next: of the oldest pending one, else of the one in progress. Null
 * when none is open.
 */
export async function findNextTurn(tx: Statements, productionAppId: string): Promise<number | null> {
  const [next] = await tx.$queryRaw<[{ turn: number | null }]>`
    select coalesce(min(turn) filter (where status = 'pending'), min(turn)) as turn
    from deployments where production_app_id = ${productionAppId} and status in ('pending', 'in_progress')`;
  return next.turn;
}
