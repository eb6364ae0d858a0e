import type { Viewer } from '../domain/access.ts';
import type { EventBus } from '../events/bus.ts';
import type { ChangeFeed } from '../events/changes.ts';
import type { Deliver } from '../events/follow.ts';
import type { Followers } from '../events/follower.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import type { AccessWatch } from '../operations/access-watch.ts';
import type { CatalogDeps } from '../operations/catalog.ts';
import type { DeploymentOperationDeps } from '../operations/enqueue.ts';
import type { FetchDeps } from '../operations/fetched-versions.ts';
import type { ProductionAppDeps } from '../operations/production-apps.ts';
import type { RuntimeLogReader } from '../store/runtime-logs.ts';
import type { Log } from '../telemetry.ts';

/** The same for all requests. */
export interface Services extends CatalogDeps, DeploymentOperationDeps, ProductionAppDeps, FetchDeps {
  readonly prisma: PrismaClient;
  readonly bus: EventBus;
  readonly log: Log;
  readonly followers: Followers;
  readonly changes: ChangeFeed;
  /** Who somebody else vouches for with a signed token. Null for a text that is no such token. */
  verifyIdentity(token: string): Promise<Viewer | null>;
  /** Ends the streams of who may no longer watch. */
  readonly access: AccessWatch;
  /** What running apps print. */
  readonly runtimeLogs: RuntimeLogReader;
  /** The process that answers. */
  readonly self: Self;
  /** Where an app answers in a browser. */
  appUrl(subdomain: string): string;
}

/** What a process knows of itself. */
interface Self {
  readonly processId: string;
  readonly startedAt: Date;
  readonly hasEmbeddedDatabase: boolean;
}

/** What resolvers get, for one operation of one caller. */
export interface Context extends Services {
  readonly viewer: Viewer | null;
  readonly requestId: string;
  /** Where the batches of a log go that are the same for all who read it. */
  readonly deliver?: Deliver;
}
