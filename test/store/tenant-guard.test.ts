import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PrismaClient } from '../../src/generated/prisma/client.ts';
import type { Database } from '../../src/store/db.ts';
import { guardTenants } from '../../src/store/tenant-guard.ts';
import { createDatabase } from '../kit/database.ts';

let database: Database & AsyncDisposable;
let guarded: PrismaClient;
beforeAll(async () => {
  database = await createDatabase();
  guarded = guardTenants(database.prisma);
});
afterAll(() => database[Symbol.asyncDispose]());

const mine = { organizationId: { in: ['org_mine'] } };

test('a read that leaves the tenant out fails, whatever else it filters by', async () => {
  const reads = [
    () => guarded.deployment.findMany(),
    () => guarded.deployment.findMany({ where: { status: 'failed' } }),
    () => guarded.deployment.findUnique({ where: { id: 'dep_1' } }),
    () => guarded.deployment.count({ where: { organizationId: undefined } }),
    () => guarded.productionApp.findFirst({ where: { OR: [mine, { subdomain: 'shop' }] } }),
    () => guarded.productionApp.findFirst({ where: { NOT: mine } }),
    () => guarded.version.findFirst({ where: { AND: [{ entityId: 'ent_1' }] } }),
    () => guarded.entity.aggregate({ _count: true }),
    () => guarded.membership.groupBy({ by: ['roleId'] }),
    () => guarded.organization.findUnique({ where: { id: 'org_1' } }),
    () => guarded.apiToken.findMany(),
    () => guarded.auditEvent.findMany({ where: { actorId: 'usr_1' } }),
    () => guarded.$transaction((tx) => tx.invitation.findMany()),
  ];

  for (const read of reads) await expect(read()).rejects.toThrow(/asks for no tenant/);
});

test('a read that names the tenant works as ever', async () => {
  const reads = [
    () => guarded.deployment.findMany({ where: mine }),
    () => guarded.deployment.findMany({ where: { AND: [mine, { status: 'failed' }] } }),
    () => guarded.deployment.findUnique({ where: { id: 'dep_1', ...mine } }),
    () => guarded.organization.findFirst({ where: { memberships: { some: { userId: 'usr_1' } } } }),
    () =>
      guarded.membership.findUnique({ where: { organizationId_userId: { organizationId: 'org_1', userId: 'usr_1' } } }),
    () => guarded.$transaction((tx) => tx.invitation.findMany({ where: mine })),
  ];

  for (const read of reads) expect((await read()) ?? []).toEqual([]);
});
