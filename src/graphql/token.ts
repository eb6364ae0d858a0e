import type { Viewer as DomainViewer } from '../domain/access.ts';
import type { ProductionApp as ProductionAppRow } from '../generated/prisma/client.ts';
import { requireViewer, visibleApps } from '../operations/authorize.ts';
import { createApiToken, revokeApiToken, type MadeToken } from '../operations/tokens.ts';
import { createBatch } from './batch.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { Scope, Viewer } from './directory.ts';
import { connectNewestFirst } from './keyset.ts';
import { ProductionApp } from './production-app.ts';

const apps = createBatch<Context, ProductionAppRow>(async ({ prisma, viewer }, ids) => {
  const rows = await prisma.productionApp.findMany({ where: { ...visibleApps(viewer), id: { in: [...ids] } } });
  return new Map(rows.map((row) => [row.id, row]));
});

export const ApiToken = builder.prismaObject('ApiToken', {
  findUnique: ({ id }, { viewer }) => ({ id, userId: viewer?.userId ?? '' }),
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Starts with `tok_`.' }),
    name: t.exposeString('name', { description: 'What its holder calls it.' }),
    scopes: t.field({
      type: [Scope],
      nullable: true,
      description: "What it allows at most. Null: whatever its holder's roles do.",
      resolve: ({ scopes }) => scopes as DomainViewer['memberships'][number]['scopes'] | null,
    }),
    productionAppIds: t.field({
      type: ['ID'],
      nullable: true,
      description: 'The production apps that it is for; nothing else exists for it. Null: all.',
      resolve: ({ appIds }) => appIds as string[] | null,
    }),
    productionApps: t.field({
      type: [ProductionApp],
      nullable: true,
      description: 'Those of `productionAppIds` that you may see, also deleted ones. Null: all.',
      async resolve({ appIds }, _args, context) {
        if (appIds === null) return null;
        const found = await Promise.all((appIds as string[]).map((id) => apps.load(context, id)));
        return found.filter((app) => app !== null);
      },
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', nullable: true, description: 'From when on it is refused.' }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true, description: 'Since when it is refused.' }),
  }),
});

builder.objectField(Viewer, 'tokens', (t) =>
  t.connection({
    type: ApiToken,
    description: 'The tokens of the user, newest first, also those that are refused by now.',
    // A token for less knows of no other.
    resolve: ({ userId, tokenId, isUnrestricted }, args, { prisma }) => {
      const where = isUnrestricted ? { userId } : { userId, id: tokenId ?? '' };
      return connectNewestFirst(
        args,
        { list: 'tokens', filter: where },
        {
          find: (page) => prisma.apiToken.findMany({ ...page, where: { AND: [where, page.where], userId } }),
          count: () => prisma.apiToken.count({ where }),
        },
      );
    },
  }),
);

const CreateApiTokenInput = builder.inputType('CreateApiTokenInput', {
  description: 'What the token may be used for.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'What it is for, to know it again in the list.' }),
    scopes: t.field({
      type: [Scope],
      description: 'What it allows at most. Default: whatever your roles do. None: to read.',
    }),
    productionAppIds: t.idList({ description: 'The production apps that it is for. Default: all.' }),
    expiresAt: t.field({ type: 'DateTime', description: 'Until when, at most 366 days from now. Default: 90 days.' }),
    idempotencyKey: t.string({
      description: 'A text of your choice. The same key with the same input makes no second token.',
    }),
  }),
});

const CreateApiTokenPayload = builder.objectRef<MadeToken>('CreateApiTokenPayload').implement({
  description: 'The created token.',
  fields: (t) => ({
    token: t.prismaField({
      type: ApiToken,
      description: 'What is known of it.',
      resolve: (query, { id }, _args, { prisma, viewer }) =>
        prisma.apiToken.findUniqueOrThrow({ ...query, where: { id, userId: viewer?.userId ?? '' } }),
    }),
    secret: t.exposeString('secret', {
      nullable: true,
      description:
        'What to send as `Authorization: Bearer …`. Shown this once; null when an earlier call made the token.',
    }),
    replayed: t.exposeBoolean('replayed', { description: 'Whether an earlier call had made it already.' }),
  }),
});

const RevokeApiTokenInput = builder.inputType('RevokeApiTokenInput', {
  description: 'Which token to revoke.',
  fields: (t) => ({ tokenId: t.id({ required: true, description: 'The token.' }) }),
});

const RevokeApiTokenPayload = builder.objectRef<{ id: string }>('RevokeApiTokenPayload').implement({
  description: 'The revoked token.',
  fields: (t) => ({
    token: t.prismaField({
      type: ApiToken,
      description: 'What is known of it.',
      resolve: (query, { id }, _args, { prisma, viewer }) =>
        prisma.apiToken.findUniqueOrThrow({ ...query, where: { id, userId: viewer?.userId ?? '' } }),
    }),
  }),
});

builder.mutationFields((t) => ({
  createApiToken: t.field({
    type: CreateApiTokenPayload,
    description: 'Makes a token of yours. Needs a token without restrictions.',
    args: { input: t.arg({ type: CreateApiTokenInput, required: true, description: 'What it may be used for.' }) },
    resolve: (_root, { input }, context) => createApiToken(context, requireViewer(context.viewer), input),
  }),
  revokeApiToken: t.field({
    type: RevokeApiTokenPayload,
    description: 'Ends a token of yours, and within seconds what is open with it.',
    args: { input: t.arg({ type: RevokeApiTokenInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => ({
      id: await revokeApiToken(context, requireViewer(context.viewer), input),
    }),
  }),
}));
