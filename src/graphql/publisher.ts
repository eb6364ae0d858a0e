import { requireViewer, visibleEntities } from '../operations/authorize.ts';
import { addPublisher, removePublisher } from '../operations/publishers.ts';
import { builder } from './builder.ts';
import './entity.ts';

function publisherInput(name: string, description: string) {
  return builder.inputType(name, {
    description,
    fields: (t) => ({
      entityId: t.id({ required: true, description: 'The entity.' }),
      userId: t.id({ required: true, description: 'The member.' }),
    }),
  });
}

function publisherPayload(name: string) {
  return builder.objectRef<{ id: string }>(name).implement({
    description: 'The entity with its publishers.',
    fields: (t) => ({
      entity: t.prismaField({
        type: 'Entity',
        description: 'The entity.',
        resolve: (query, { id }, _args, { prisma, viewer }) =>
          prisma.entity.findUniqueOrThrow({ ...query, where: { id, ...visibleEntities(viewer) } }),
      }),
    }),
  });
}

const AddPublisherInput = publisherInput('AddPublisherInput', 'Who is to publish what.');
const AddPublisherPayload = publisherPayload('AddPublisherPayload');
const RemovePublisherInput = publisherInput('RemovePublisherInput', 'Who is to publish what no more.');
const RemovePublisherPayload = publisherPayload('RemovePublisherPayload');

const NEEDS = 'Needs the scope `entities:share` and a publisher of the entity.';

builder.mutationFields((t) => ({
  addPublisher: t.field({
    type: AddPublisherPayload,
    description: `Lets a member of the organization publish and deploy an entity. ${NEEDS}`,
    args: { input: t.arg({ type: AddPublisherInput, required: true, description: 'Who, and what.' }) },
    resolve: async (_root, { input }, context) => ({
      id: await addPublisher(context, requireViewer(context.viewer), input),
    }),
  }),
  removePublisher: t.field({
    type: RemovePublisherPayload,
    description: `Takes that back; one publisher must stay. ${NEEDS}`,
    args: { input: t.arg({ type: RemovePublisherInput, required: true, description: 'Who, and what.' }) },
    resolve: async (_root, { input }, context) => ({
      id: await removePublisher(context, requireViewer(context.viewer), input),
    }),
  }),
}));
