import type { AddressInfo } from 'node:net';
import type { Config } from '../config.ts';
import { createChangeFeed } from '../events/changes.ts';
import { createFollowers } from '../events/follower.ts';
import type { Services } from '../graphql/context.ts';
import { listen, localUrl } from '../listen.ts';
import { createAccessWatch } from '../operations/access-watch.ts';
import { guardTenants } from '../store/tenant-guard.ts';
import { startPulse } from '../store/pulse.ts';
import { createGraphQLServer } from './graphql.ts';
import { createIdentify, createIdentityVerifier } from './identity.ts';
import { createRateLimits } from './rate-limit.ts';
import { createApiServer } from './server.ts';
import { createSignIn } from './sign-in.ts';
import { dropStalledConnections } from './stalled.ts';
import { watchUnanswered } from './unanswered.ts';
import { acceptWebSockets } from './websocket.ts';

export interface Api {
  readonly url: string;
  stop(): Promise<void>;
}

interface ApiParts
  extends Omit<Services, 'publicUrl' | 'appUrl' | 'followers' | 'changes' | 'access' | 'verifyIdentity'> {
  /** Where the gateway answers for the apps. */
  readonly appPort: number;
}

/** Serves GraphQL, REST and their streams. Nothing is left open when it throws. */
export async function startApi(config: Config, { appPort, ...parts }: ApiParts): Promise<Api> {
  const access = createAccessWatch(parts);
  const identify = createIdentify(parts.prisma, config.identityIssuers);
  const verifyIdentity = createIdentityVerifier(identify);
  let publicUrl = '';
  const services: Services = {
    ...parts,
    followers: createFollowers(parts),
    changes: createChangeFeed(parts),
    access,
    verifyIdentity,
    // Known once the port is.
    get publicUrl() {
      return publicUrl;
    },
    appUrl: (subdomain) => `http://${subdomain}.${config.gatewayDomain}:${appPort}/`,
  };
  const rateLimits = createRateLimits(config);
  const { allowedOrigins, trustedProxies, requestTimeoutMs, streamStallMs } = config;
  const admission = { rateLimits, allowedOrigins, trustedProxies };
  // What asks in the name of a caller; followers and watches serve many at once.
  const graphql = createGraphQLServer(services, { ...admission, prisma: guardTenants(parts.prisma) });
  const signIn = createSignIn({ ...parts, identify, publicUrl: () => publicUrl }, config.identityIssuers);
  const databaseUrl = config.databaseUrl?.reveal() ?? null;
  // The embedded database cannot go away without this process.
  const pulse = databaseUrl === null ? null : startPulse(databaseUrl);
  const check = async () => void (await services.prisma.$queryRaw`select 1`);
  const server = createApiServer(services, { graphql, signIn }, { check, pulse }, { ...admission, requestTimeoutMs });
  const sockets = acceptWebSockets(server, graphql, { ...parts, ...admission, verifyIdentity, streamStallMs });
  const stalled = dropStalledConnections(server, streamStallMs);
  const unanswered = watchUnanswered(server);

  async function stop(): Promise<void> {
    const closed = new Promise((resolve) => server.close(resolve));
    stalled.stop();
    access.close();
    await Promise.all([sockets.close(), unanswered.answered()]);
    server.closeAllConnections();
    await closed;
    await graphql.dispose();
    rateLimits.close();
    await pulse?.close();
  }

  try {
    await listen(server, { port: config.port, host: config.host, setting: 'WINDLASS_PORT' });
  } catch (error) {
    await stop();
    throw error;
  }
  const url = localUrl(config.host, (server.address() as AddressInfo).port);
  publicUrl = config.publicUrl ?? url;
  return { url, stop };
}
