import { ENVIRONMENT_PHASES } from '../domain/environment.ts';
import { requireViewer, visibleApps } from '../operations/authorize.ts';
import { createProductionApp, deleteProductionApp, updateProductionApp } from '../operations/production-apps.ts';
import { builder } from './builder.ts';
import { PhaseName } from './deployment.ts';
import { OverlapPolicy } from './overlap.ts';

const EnvironmentVariableInput = builder.inputType('EnvironmentVariableInput', {
  description: 'A variable to set or to remove.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description:
        'Its name: letters, digits and underscores. Not `DATA_DIR`, `DATABASE_URL`, `HOST`, `PORT` or one that begins with `WINDLASS_`.',
    }),
    value: t.string({ description: 'Its new value, at most 32 KiB. Null, or left out: the variable is removed.' }),
    isSecret: t.boolean({
      description: 'Whether the value can be read again. Left out: as it was; a new variable is a secret.',
    }),
    phases: t.field({
      type: [PhaseName],
      description: `The phases whose commands get it: ${ENVIRONMENT_PHASES.map((phase) => `\`${phase.toUpperCase()}\``).join(', ')}. Left out: as it was; a new variable goes to all, a new secret not to the build.`,
    }),
  }),
});

const BUILD_NETWORK =
  'Whether builds and migrations reach the network. Private addresses, and those of this machine, they never do.';

const CreateProductionAppInput = builder.inputType('CreateProductionAppInput', {
  description: 'What to create.',
  fields: (t) => ({
    entityId: t.id({ required: true, description: 'The entity to run.' }),
    subdomain: t.string({ required: true, description: 'The first label of its host name.' }),
    overlap: t.field({ type: OverlapPolicy, description: 'What a new deployment does to open ones. Default: QUEUE.' }),
    buildNetwork: t.boolean({ description: `${BUILD_NETWORK} Default: false.` }),
    environment: t.field({ type: [EnvironmentVariableInput], description: 'Its variables.' }),
    idempotencyKey: t.string({
      description: 'A text of your choice. The same key with the same input answers with the same object again.',
    }),
  }),
});

const CreateProductionAppPayload = builder
  .objectRef<{ id: string; replayed: boolean }>('CreateProductionAppPayload')
  .implement({
    description: 'The created production app.',
    fields: (t) => ({
      productionApp: t.prismaField({
        type: 'ProductionApp',
        description: 'The production app.',
        resolve: (query, { id }, _args, { prisma, viewer }) =>
          prisma.productionApp.findUniqueOrThrow({ ...query, where: { id, ...visibleApps(viewer) } }),
      }),
      replayed: t.exposeBoolean('replayed', { description: 'Whether an earlier call had made it already.' }),
    }),
  });

const UpdateProductionAppInput = builder.inputType('UpdateProductionAppInput', {
  description: 'What to change. What is left out stays as it is.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'The production app.' }),
    subdomain: t.string({ description: 'The new first label of its host name. The old one is free at once.' }),
    overlap: t.field({ type: OverlapPolicy, description: 'What a new deployment does to open ones.' }),
    buildNetwork: t.boolean({ description: BUILD_NETWORK }),
    environment: t.field({
      type: [EnvironmentVariableInput],
      description: 'The variables to set or to remove; all others stay. The next deployment gets them.',
    }),
  }),
});

const UpdateProductionAppPayload = builder.objectRef<{ id: string }>('UpdateProductionAppPayload').implement({
  description: 'The changed production app.',
  fields: (t) => ({
    productionApp: t.prismaField({
      type: 'ProductionApp',
      description: 'The production app.',
      resolve: (query, { id }, _args, { prisma, viewer }) =>
        prisma.productionApp.findUniqueOrThrow({ ...query, where: { id, ...visibleApps(viewer) } }),
    }),
  }),
});

const DeleteProductionAppInput = builder.inputType('DeleteProductionAppInput', {
  description: 'What to delete.',
  fields: (t) => ({ id: t.id({ required: true, description: 'The production app.' }) }),
});

const DeleteProductionAppPayload = builder.objectRef<{ id: string }>('DeleteProductionAppPayload').implement({
  description: 'The deleted production app.',
  fields: (t) => ({
    productionApp: t.prismaField({
      type: 'ProductionApp',
      description: 'The production app, with `deletedAt` set.',
      resolve: (query, { id }, _args, { prisma, viewer }) =>
        prisma.productionApp.findUniqueOrThrow({ ...query, where: { id, ...visibleApps(viewer) } }),
    }),
  }),
});

builder.mutationFields((t) => ({
  createProductionApp: t.field({
    type: CreateProductionAppPayload,
    description: 'Creates a production app. Needs the scope `entities:deploy` and a publisher.',
    args: { input: t.arg({ type: CreateProductionAppInput, required: true, description: 'What to create.' }) },
    resolve: (_root, { input }, context) => createProductionApp(context, requireViewer(context.viewer), input),
  }),
  updateProductionApp: t.field({
    type: UpdateProductionAppPayload,
    description:
      'Changes a production app. A new subdomain moves the live route within about a second. Needs the scope `entities:deploy` and a publisher.',
    args: { input: t.arg({ type: UpdateProductionAppInput, required: true, description: 'What to change.' }) },
    resolve: async (_root, { input }, context) => ({
      id: await updateProductionApp(context, requireViewer(context.viewer), input),
    }),
  }),
  deleteProductionApp: t.field({
    type: DeleteProductionAppPayload,
    description:
      'Deletes a production app: stops what serves it, cancels its open deployments, and removes its database and files for good. Its history stays, its subdomain is free at once. Deleting it again gives the same answer. Needs the scope `entities:deploy` and a publisher.',
    args: { input: t.arg({ type: DeleteProductionAppInput, required: true, description: 'What to delete.' }) },
    resolve: async (_root, { input }, context) => ({
      id: await deleteProductionApp(context, requireViewer(context.viewer), input),
    }),
  }),
}));
