import { brandWithType, type OutputType } from '@pothos/core';
import { queryFromInfo } from '@pothos/plugin-prisma';
import type { GraphQLResolveInfo } from 'graphql';
import { kindOfId } from '../domain/ids.ts';
import {
  visibleApps,
  visibleDeployments,
  visibleEntities,
  visibleTo,
  visibleVersions,
} from '../operations/authorize.ts';
import { createBatch } from './batch.ts';
import type { Context } from './context.ts';

type Row = { readonly id: string };

/** How the rows of each kind of node that an audited event may be about are found, of those that the viewer may see. */
const FIND = {
  Organization: ({ prisma, viewer }, ids, query) =>
    prisma.organization.findMany({
      ...query,
      where: { id: { in: ids }, memberships: { some: { userId: viewer?.userId ?? '' } } },
    }),
  User: ({ prisma, viewer }, ids, query) =>
    prisma.user.findMany({ ...query, where: { id: { in: ids }, memberships: { some: visibleTo(viewer) } } }),
  Entity: ({ prisma, viewer }, ids, query) =>
    prisma.entity.findMany({ ...query, where: { ...visibleEntities(viewer), id: { in: ids } } }),
  Version: ({ prisma, viewer }, ids, query) =>
    prisma.version.findMany({ ...query, where: { ...visibleVersions(viewer), id: { in: ids } } }),
  ProductionApp: ({ prisma, viewer }, ids, query) =>
    prisma.productionApp.findMany({ ...query, where: { ...visibleApps(viewer), id: { in: ids } } }),
  Deployment: ({ prisma, viewer }, ids, query) =>
    prisma.deployment.findMany({ ...query, where: { ...visibleDeployments(viewer), id: { in: ids } } }),
} satisfies Record<string, (context: Context, ids: string[], query: object) => Promise<Row[]>>;

type Kind = keyof typeof FIND;

/** By what is selected of the subjects, their parts are read with them. */
const selections = new WeakMap<Context, GraphQLResolveInfo>();

const subjects = createBatch<Context, Row>(async (context, ids) => {
  const info = selections.get(context)!;
  const found = await Promise.all(
    (Object.keys(FIND) as Kind[]).map(async (kind) => {
      const ofKind = ids.filter((id) => kindOfId(id) === kind);
      if (ofKind.length === 0) return [];
      const rows = await FIND[kind](context, ofKind, queryFromInfo({ context, info, typeName: kind }));
      // By this the interface knows which of its types a row is.
      for (const row of rows) brandWithType(row, kind as OutputType<never>);
      return rows;
    }),
  );
  return new Map(found.flat().map((row) => [row.id, row]));
});

/** What an event is about. All of a list are read together, with one query for each kind of node. */
export function loadAuditSubject(context: Context, id: string, info: GraphQLResolveInfo): Promise<Row | null> {
  selections.set(context, info);
  return subjects.load(context, id);
}
