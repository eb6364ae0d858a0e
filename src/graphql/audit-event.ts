import { requireViewer, visibleTo } from '../operations/authorize.ts';
import { assertMayIn } from '../operations/organization.ts';
import { loadAuditSubject } from './audit-subject.ts';
import { createBatch } from './batch.ts';
import { builder } from './builder.ts';
import type { Context } from './context.ts';
import { Actor, type ActorShape } from './directory.ts';
import { connectNewestFirst } from './keyset.ts';

const AuditOutcome = builder.enumType('AuditOutcome', {
  description: 'What became of an attempt.',
  values: {
    DONE: { value: 'done', description: 'It was done.' },
    REFUSED: { value: 'refused', description: 'The caller was not allowed to.' },
  },
});

/** Whoever has acted in an organization is named there, also when he has left it. */
const actors = createBatch<Context, ActorShape>(async ({ prisma }, ids) => {
  const rows = await prisma.user.findMany({ where: { id: { in: [...ids] } }, select: { id: true, name: true } });
  return new Map(rows.map((row) => [row.id, row]));
});

const AuditEvent = builder.prismaObject('AuditEvent', {
  findUnique: ({ id }, { viewer }) => ({ id, ...visibleTo(viewer) }),
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Starts with `aud_`.' }),
    seq: t.exposeInt('seq', { description: '1, 2, 3 … in its organization, without gaps.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it happened.' }),
    action: t.exposeString('action', {
      description: 'The name of the mutation; `signIn` for a sign-in with an issuer.',
    }),
    outcome: t.field({
      type: AuditOutcome,
      description: 'What became of it.',
      resolve: ({ outcome }) => outcome as 'done' | 'refused',
    }),
    actorId: t.exposeID('actorId', { nullable: true, description: 'The user who did it. Null: Windlass itself.' }),
    actor: t.field({
      type: Actor,
      nullable: true,
      description: 'The user who did it, with his name, also when he has left. Null: Windlass itself.',
      resolve: ({ actorId }, _args, context) => (actorId === null ? null : actors.load(context, actorId)),
    }),
    tokenId: t.exposeID('tokenId', {
      nullable: true,
      description: 'With which token. Null for an identity of somebody else, and for Windlass itself.',
    }),
    address: t.exposeString('address', { nullable: true, description: 'From which address.' }),
    requestId: t.exposeString('requestId', {
      nullable: true,
      description: 'In which request; its answer had the same `X-Request-Id`.',
    }),
    subjectId: t.exposeID('subjectId', { nullable: true, description: 'To what.' }),
    subject: t.field({
      type: builder.nodeInterfaceRef(),
      nullable: true,
      description: 'To what, as an object. Null for what is no node, is gone, or may not be seen.',
      resolve: ({ subjectId }, _args, context, info) =>
        subjectId === null ? null : loadAuditSubject(context, subjectId, info),
    }),
    details: t.string({
      description: 'What else is known, as JSON. No secrets, no values of settings.',
      resolve: ({ details }) => JSON.stringify(details),
    }),
    hash: t.exposeString('hash', { description: 'SHA-256 of this event and the hash of the one before it.' }),
  }),
});

const AuditFilter = builder.inputType('AuditFilter', {
  description: 'Which events. Everything given must hold.',
  fields: (t) => ({
    action: t.stringList({ description: 'Only these actions.' }),
    outcome: t.field({ type: AuditOutcome, description: 'Only what ended so.' }),
    actorId: t.id({ description: 'Only what this user did.' }),
    subjectId: t.id({ description: 'Only what was done to this.' }),
    after: t.field({ type: 'DateTime', description: 'Only what happened later.' }),
    before: t.field({ type: 'DateTime', description: 'Only what happened earlier.' }),
  }),
});

builder.queryField('auditEvents', (t) =>
  t.connection({
    type: AuditEvent,
    description: 'What was done in an organization, and refused, newest first. Needs the scope `org:settings`.',
    args: {
      organizationId: t.arg.id({ required: true, description: 'The organization.' }),
      filter: t.arg({ type: AuditFilter, description: 'Which events. Default: all.' }),
    },
    resolve: (_root, { organizationId, filter, ...args }, { viewer, prisma }) => {
      assertMayIn(requireViewer(viewer), organizationId, 'auditEvents');
      const where = {
        organizationId,
        action: filter?.action ? { in: filter.action } : undefined,
        outcome: filter?.outcome ?? undefined,
        actorId: filter?.actorId ?? undefined,
        subjectId: filter?.subjectId ?? undefined,
        at: { gt: filter?.after ?? undefined, lt: filter?.before ?? undefined },
      };
      return connectNewestFirst(
        args,
        { list: 'auditEvents', filter: { organizationId, filter } },
        {
          find: (page) => prisma.auditEvent.findMany({ ...page, where: { ...where, ...page.where } }),
          count: () => prisma.auditEvent.count({ where }),
        },
      );
    },
  }),
);
