import { request } from 'node:http';
import { z } from 'zod';
import type { PrismaClient } from '../generated/prisma/client.ts';
import type { Violation } from './violation.ts';

const DEADLINE_MS = 3_000;
const routes = z.record(z.string(), z.string());

/** Each gateway sends an app's traffic where the rows say, and nowhere else. */
export async function checkGateways(prisma: PrismaClient): Promise<Violation[]> {
  const hosts = await prisma.host.findMany({ include: { releases: { include: { liveFor: true } } } });
  const violations: Violation[] = [];
  for (const { id, gatewayUrl, purgeSecret, releases } of hosts) {
    const wanted = new Map(
      releases.flatMap(({ id: releaseId, liveFor }) => (liveFor ? [[liveFor.subdomain, releaseId] as const] : [])),
    );
    const serving = await askRoutes(gatewayUrl, purgeSecret).catch((error: Error) => error);
    if (serving instanceof Error) {
      if (wanted.size > 0) violations.push(silent(id, gatewayUrl, serving));
      continue;
    }
    for (const subdomain of new Set([...wanted.keys(), ...Object.keys(serving)])) {
      const [should, does] = [wanted.get(subdomain) ?? 'nothing', serving[subdomain] ?? 'nothing'];
      if (should === does) continue;
      const message = `the gateway ${gatewayUrl} serves ${does}, and the rows say ${should}`;
      violations.push({ rule: 'gateway-serves-rows', subject: subdomain, message, remedy: REMEDY });
    }
  }
  return violations;
}

const REMEDY = 'The host agent looks once a second. If it stays, look at its log, and whether the app is healthy.';

function silent(id: string, gatewayUrl: string, error: Error): Violation {
  const message = `its gateway ${gatewayUrl} does not answer: ${error.message}`;
  return { rule: 'gateway-answers', subject: id, message, remedy: 'Start `windlass host` on its machine.' };
}

function askRoutes(gatewayUrl: string, secret: string): Promise<Record<string, string>> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${secret}` };
    const call = request(gatewayUrl, { method: 'REPORT', headers, timeout: DEADLINE_MS, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(routes.parse(JSON.parse(text)));
        else reject(new Error(`it answered ${response.statusCode}`));
      });
    });
    call.on('timeout', () => call.destroy(new Error(`it did not answer within ${DEADLINE_MS} ms`)));
    call.on('error', reject);
    call.end();
  });
}
