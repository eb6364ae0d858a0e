import { assertForWhole, requireViewer, visibleTo } from '../operations/authorize.ts';
import {
  acceptInvitation,
  createInvitation,
  findInvitationOffer,
  revokeInvitation,
  type Accepted,
  type InvitationOffer as InvitationOfferShape,
  type MadeInvitation,
} from '../operations/invitations.ts';
import { builder } from './builder.ts';
import { Actor, Organization, Scope } from './directory.ts';
import { connectNewestFirst } from './keyset.ts';
import './role.ts';

const Invitation = builder.prismaObject('Invitation', {
  findUnique: ({ id }, { viewer }) => ({ id, ...visibleTo(viewer) }),
  fields: (t) => ({
    id: t.exposeID('id', { description: 'Starts with `inv_`.' }),
    role: t.relation('role', { description: 'The role that it gives.' }),
    email: t.exposeString('email', {
      nullable: true,
      description: 'Whom it is meant for, as a note: whoever has the link may use it.',
    }),
    createdBy: t.field({
      type: Actor,
      nullable: true,
      description: 'Who invited.',
      select: { createdBy: { select: { id: true, name: true } } },
      resolve: ({ createdBy }) => createdBy,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Until when its link works.' }),
    acceptedAt: t.expose('acceptedAt', { type: 'DateTime', nullable: true, description: 'When it was accepted.' }),
    revokedAt: t.expose('revokedAt', { type: 'DateTime', nullable: true, description: 'When it was revoked.' }),
  }),
});

builder.objectField(Organization, 'invitations', (t) =>
  t.connection({
    type: Invitation,
    description: 'Its invitations, newest first, also those that are over.',
    resolve: ({ id: organizationId }, args, { prisma, viewer }) => {
      assertForWhole(viewer, organizationId);
      const where = { organizationId };
      return connectNewestFirst(
        args,
        { list: 'invitations', filter: where },
        {
          find: (page) =>
            prisma.invitation.findMany({
              ...page,
              where: { ...where, ...page.where },
              include: { role: true, createdBy: true },
            }),
          count: () => prisma.invitation.count({ where }),
        },
      );
    },
  }),
);

const InvitationOffer = builder.objectRef<InvitationOfferShape>('InvitationOffer').implement({
  description: 'What the holder of a link is invited to.',
  fields: (t) => ({
    organizationName: t.exposeString('organizationName', { description: 'The name of the organization.' }),
    roleName: t.exposeString('roleName', { description: 'The name of the role.' }),
    scopes: t.expose('scopes', { type: [Scope], description: 'What the role allows now.' }),
    invitedBy: t.exposeString('invitedBy', { description: 'The name of who invites.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'Until when the link works.' }),
  }),
});

builder.queryField('invitationOffer', (t) =>
  t.field({
    type: InvitationOffer,
    nullable: true,
    description:
      'What a link invites to, for whoever holds it. Null for one that is unknown, used, revoked or too old, or whose maker may not invite to it any more.',
    args: { secret: t.arg.string({ required: true, description: 'What stands behind the `#` of the link.' }) },
    resolve: (_root, { secret }, context) => findInvitationOffer(context, secret),
  }),
);

const CreateInvitationInput = builder.inputType('CreateInvitationInput', {
  description: 'Whom to invite, and to what.',
  fields: (t) => ({
    roleId: t.id({ required: true, description: 'The role, and with it the organization.' }),
    email: t.string({
      description: 'Whom it is meant for, as a note. Windlass sends no mail: give the link to him yourself.',
    }),
    idempotencyKey: t.string({
      description: 'A text of your choice. The same key with the same input makes no second invitation.',
    }),
  }),
});

const CreateInvitationPayload = builder.objectRef<MadeInvitation>('CreateInvitationPayload').implement({
  description: 'The invitation.',
  fields: (t) => ({
    invitation: t.prismaField({
      type: Invitation,
      description: 'What is known of it.',
      resolve: (query, { id }, _args, { prisma, viewer }) =>
        prisma.invitation.findUniqueOrThrow({ ...query, where: { id, ...visibleTo(viewer) } }),
    }),
    url: t.exposeString('url', {
      nullable: true,
      description:
        'The link to give to whom you invite: it works once, for a week. What stands behind its `#` is the `secret` of `acceptInvitation`. Shown this once; null when an earlier call made the invitation.',
    }),
    replayed: t.exposeBoolean('replayed', { description: 'Whether an earlier call had made it already.' }),
  }),
});

const RevokeInvitationInput = builder.inputType('RevokeInvitationInput', {
  description: 'Which invitation to take back.',
  fields: (t) => ({ invitationId: t.id({ required: true, description: 'The invitation.' }) }),
});

const RevokeInvitationPayload = builder.objectRef<{ id: string }>('RevokeInvitationPayload').implement({
  description: 'The invitation, whose link works no more.',
  fields: (t) => ({
    invitation: t.prismaField({
      type: Invitation,
      description: 'What is known of it.',
      resolve: (query, { id }, _args, { prisma, viewer }) =>
        prisma.invitation.findUniqueOrThrow({ ...query, where: { id, ...visibleTo(viewer) } }),
    }),
  }),
});

const AcceptInvitationInput = builder.inputType('AcceptInvitationInput', {
  description: 'The secret of a link, and who you are if you are new.',
  fields: (t) => ({
    secret: t.string({ required: true, description: 'What stands behind the `#` of the link.' }),
    name: t.string({ description: 'Your name for people, if you are not signed in.' }),
  }),
});

const AcceptInvitationPayload = builder.objectRef<Accepted>('AcceptInvitationPayload').implement({
  description: 'What was joined.',
  fields: (t) => ({
    organizationId: t.exposeID('organizationId', { description: 'The id of the organization.' }),
    userId: t.exposeID('userId', { description: 'Who you are.' }),
    secret: t.exposeString('secret', {
      nullable: true,
      description: 'Your first token, if you are new here: it is shown this once. Null for who was signed in.',
    }),
  }),
});

builder.mutationFields((t) => ({
  createInvitation: t.field({
    type: CreateInvitationPayload,
    description: 'Invites somebody by a link. Needs the scope `members:invite`, and every scope of the role.',
    args: { input: t.arg({ type: CreateInvitationInput, required: true, description: 'Whom, and to what.' }) },
    resolve: (_root, { input }, context) => createInvitation(context, requireViewer(context.viewer), input),
  }),
  revokeInvitation: t.field({
    type: RevokeInvitationPayload,
    description: 'Takes an invitation back. Needs the scope `members:invite`.',
    args: { input: t.arg({ type: RevokeInvitationInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => ({
      id: await revokeInvitation(context, requireViewer(context.viewer), input),
    }),
  }),
  acceptInvitation: t.field({
    type: AcceptInvitationPayload,
    description: 'Joins an organization: as who is signed in, or as a new user, who gets a token.',
    args: { input: t.arg({ type: AcceptInvitationInput, required: true, description: 'The secret of the link.' }) },
    resolve: (_root, { input }, context) => acceptInvitation(context, context.viewer, input),
  }),
}));
