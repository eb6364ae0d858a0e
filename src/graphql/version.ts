import { requireViewer, visibleVersions } from '../operations/authorize.ts';
import { activateVersion } from '../operations/catalog.ts';
import { confirmVersionUpload } from '../operations/confirmed-versions.ts';
import { requestVersionUpload, type RequestedUpload } from '../operations/uploads.ts';
import { createVersionFromUrl } from '../operations/fetched-versions.ts';
import type { Made } from '../operations/idempotency.ts';
import { builder } from './builder.ts';
import { Actor } from './directory.ts';

export const Version = builder.prismaNode('Version', {
  id: { field: 'id', description: 'Starts with `ver_`.' },
  nullable: true,
  findUnique: (id, { viewer }) => ({ id, ...visibleVersions(viewer) }),
  fields: (t) => ({
    entity: t.relation('entity', { description: 'The entity it is a version of.' }),
    version: t.exposeString('version'),
    sourceHash: t.exposeString('sourceHash'),
    baseVersion: t.relation('baseVersion', { nullable: true }),
    isActive: t.boolean({
      description: 'Whether it is what a deployment ships by default.',
      select: { entity: { select: { activeVersionId: true } } },
      resolve: ({ id, entity }) => entity.activeVersionId === id,
    }),
    packageBytes: t.float({
      description: 'The size of the package file.',
      resolve: ({ packageBytes }) => Number(packageBytes),
    }),
    packageSha256: t.exposeString('packageSha256'),
    createdBy: t.field({
      type: Actor,
      nullable: true,
      description: 'Who pushed it.',
      select: { createdBy: { select: { id: true, name: true } } },
      resolve: ({ createdBy }) => createdBy,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was confirmed.' }),
  }),
});

export const VersionConnection = builder.connectionObject({ type: Version, name: 'VersionConnection' });

const IDEMPOTENCY_KEY =
  'A text of your choice. The same key with the same input gives the same answer again, for 24 hours.';

const RequestVersionUploadInput = builder.inputType('RequestVersionUploadInput', {
  description: 'What will be uploaded.',
  fields: (t) => ({
    entityId: t.id({ required: true, description: 'The entity it will be a version of.' }),
    version: t.string({ required: true, description: 'The version, such as `2024.06.10-153042`.' }),
    sourceHash: t.string({ required: true, description: 'A hash of the source, as you compute it.' }),
    baseVersionId: t.id({ description: 'The version that it was made from.' }),
    force: t.boolean({ description: 'Make a new version even when one of the same source exists.' }),
    idempotencyKey: t.string({ description: IDEMPOTENCY_KEY }),
  }),
});

const RequestVersionUploadPayload = builder.objectRef<RequestedUpload>('RequestVersionUploadPayload').implement({
  description: 'Where to put the package; or the version that has this source already.',
  fields: (t) => ({
    uploadUrl: t.string({
      nullable: true,
      description: 'PUT the package file (a gzipped tar) here. Null when nothing needs to be uploaded.',
      resolve: (payload) => ('uploadUrl' in payload ? payload.uploadUrl : null),
    }),
    storagePath: t.string({
      nullable: true,
      description: 'Pass it to `confirmVersionUpload`.',
      resolve: (payload) => ('storagePath' in payload ? payload.storagePath : null),
    }),
    expiresAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'Until when the URL works.',
      resolve: (payload) => ('expiresAt' in payload ? payload.expiresAt : null),
    }),
    existingVersion: t.prismaField({
      type: 'Version',
      nullable: true,
      description: 'The version that was made from the same source.',
      resolve: (query, payload, _args, { prisma, viewer }) =>
        'existingVersionId' in payload
          ? prisma.version.findUniqueOrThrow({
              ...query,
              where: { id: payload.existingVersionId, ...visibleVersions(viewer) },
            })
          : null,
    }),
    replayed: t.exposeBoolean('replayed', {
      description: 'Whether an earlier call with the same key had asked already.',
    }),
  }),
});

const ConfirmVersionUploadInput = builder.inputType('ConfirmVersionUploadInput', {
  description: 'What was uploaded.',
  fields: (t) => ({
    entityId: t.id({ required: true, description: 'The entity.' }),
    storagePath: t.string({ required: true, description: 'From `requestVersionUpload`.' }),
    version: t.string({ required: true, description: 'As it was requested.' }),
    sourceHash: t.string({ required: true, description: 'As it was requested.' }),
    fileSizeBytes: t.int({ required: true, description: 'The size of the file that was put. Must be what arrived.' }),
    packageSha256: t.string({
      description: 'The SHA-256 of the file in hexadecimal. If given, it must be what arrived.',
    }),
    setAsActive: t.boolean({ description: 'Deploy it by default. Default: only if the entity has no active version.' }),
    force: t.boolean({ description: 'Make a new version even when one of the same source exists.' }),
    idempotencyKey: t.string({ description: IDEMPOTENCY_KEY }),
  }),
});

/** What both ways to make a version answer. */
function versionPayload(name: 'ConfirmVersionUploadPayload' | 'CreateVersionFromUrlPayload') {
  return builder.objectRef<Made>(name).implement({
    description: 'The version that was made.',
    fields: (t) => ({
      version: t.prismaField({
        type: 'Version',
        description: 'The version.',
        resolve: (query, { id }, _args, { prisma, viewer }) =>
          prisma.version.findUniqueOrThrow({ ...query, where: { id, ...visibleVersions(viewer) } }),
      }),
      replayed: t.exposeBoolean('replayed', { description: 'Whether the version was there before.' }),
    }),
  });
}

const ConfirmVersionUploadPayload = versionPayload('ConfirmVersionUploadPayload');

const CreateVersionFromUrlInput = builder.inputType('CreateVersionFromUrlInput', {
  description: 'A package that lies elsewhere.',
  fields: (t) => ({
    entityId: t.id({ required: true, description: 'The entity it will be a version of.' }),
    version: t.string({ required: true, description: 'The version, such as `2024.06.10-153042`.' }),
    sourceHash: t.string({ required: true, description: 'A hash of the source, as you compute it.' }),
    packageUrl: t.string({
      required: true,
      description: 'Where the package file (a gzipped tar) is, by http or https. It is fetched once, now.',
    }),
    packageSha256: t.string({ required: true, description: 'The SHA-256 that the file must have, in hexadecimal.' }),
    baseVersionId: t.id({ description: 'The version that it was made from.' }),
    setAsActive: t.boolean({ description: 'Deploy it by default. Default: only if the entity has no active version.' }),
    force: t.boolean({ description: 'Make a new version even when one of the same source exists.' }),
    idempotencyKey: t.string({ description: IDEMPOTENCY_KEY }),
  }),
});

const CreateVersionFromUrlPayload = versionPayload('CreateVersionFromUrlPayload');

const ActivateVersionInput = builder.inputType('ActivateVersionInput', {
  description: 'What to activate.',
  fields: (t) => ({ versionId: t.id({ required: true, description: 'The version.' }) }),
});

const ActivateVersionPayload = builder.objectRef<{ versionId: string }>('ActivateVersionPayload').implement({
  description: 'The version that is active now.',
  fields: (t) => ({
    version: t.prismaField({
      type: 'Version',
      description: 'The version.',
      resolve: (query, { versionId }, _args, { prisma, viewer }) =>
        prisma.version.findUniqueOrThrow({ ...query, where: { id: versionId, ...visibleVersions(viewer) } }),
    }),
  }),
});

builder.mutationFields((t) => ({
  requestVersionUpload: t.field({
    type: RequestVersionUploadPayload,
    description: 'Step 1 of a push: asks where to put the package. Needs the scope `entities:publish` and a publisher.',
    args: { input: t.arg({ type: RequestVersionUploadInput, required: true, description: 'What will be uploaded.' }) },
    resolve: (_root, { input }, context) => requestVersionUpload(context, requireViewer(context.viewer), input),
  }),
  confirmVersionUpload: t.field({
    type: ConfirmVersionUploadPayload,
    description:
      'Step 2 of a push: makes a version of what arrived. Needs the scope `entities:publish` and a publisher.',
    args: { input: t.arg({ type: ConfirmVersionUploadInput, required: true, description: 'What was uploaded.' }) },
    resolve: (_root, { input }, context) => confirmVersionUpload(context, requireViewer(context.viewer), input),
  }),
  createVersionFromUrl: t.field({
    type: CreateVersionFromUrlPayload,
    description:
      'Makes a version of a package that lies elsewhere. Private networks are not fetched from. Needs the scope `entities:publish` and a publisher.',
    args: { input: t.arg({ type: CreateVersionFromUrlInput, required: true, description: 'Where it is.' }) },
    resolve: (_root, { input }, context) => createVersionFromUrl(context, requireViewer(context.viewer), input),
  }),
  activateVersion: t.field({
    type: ActivateVersionPayload,
    description:
      'Makes a version the one that is deployed by default. Needs the scope `entities:publish` and a publisher.',
    args: { input: t.arg({ type: ActivateVersionInput, required: true, description: 'What to activate.' }) },
    resolve: async (_root, { input }, context) => ({
      versionId: await activateVersion(context, requireViewer(context.viewer), input),
    }),
  }),
}));
