import { z } from 'zod';
import { PHASES } from '../domain/deployment.ts';
import { VARIABLES_MAX } from '../domain/environment.ts';
import { notFound } from '../domain/errors.ts';
import {
  RestCheckSubdomainDocument,
  RestCreateProductionAppDocument,
  RestDeleteProductionAppDocument,
  RestProductionAppDetailsDocument,
  RestProductionAppsDocument,
  RestUpdateProductionAppDocument,
  type RestProductionAppFragment,
} from '../generated/gql/graphql.ts';
import { parseInput } from '../operations/input.ts';
import { productionApp, productionAppPage, subdomainAvailability } from './rest-schemas.ts';
import { jsonObject, optionalText, overlapText, pageAnswer, pageQuery, text, type Route } from './route.ts';

const optionalFlag = z.boolean({ error: 'must be true or false' }).nullish();
const listQuery = z.object({
  organizationId: z.string().optional(),
  entityId: z.string().optional(),
  ...pageQuery,
});
const phaseText = z
  .enum(PHASES, { error: `must be of ${PHASES.join(', ')}` })
  .transform((phase) => phase.toUpperCase() as Uppercase<typeof phase>);
const variable = jsonObject({
  name: text,
  value: optionalText,
  isSecret: optionalFlag,
  phases: z.array(phaseText, { error: 'must be a list' }).max(PHASES.length, 'must be phases').nullish(),
});
const settings = {
  overlap: overlapText,
  buildNetwork: optionalFlag,
  environment: z
    .array(variable, { error: 'must be a list' })
    .max(VARIABLES_MAX, `must be at most ${VARIABLES_MAX} variables`)
    .nullish(),
};
const createBody = jsonObject({ entityId: text, subdomain: text, ...settings });
const updateBody = jsonObject({ subdomain: optionalText, ...settings });
const checkQuery = z.object({
  value: text.describe('The subdomain.'),
  excludeId: text.optional().describe('An app whose own subdomain counts as free.'),
});

export const PRODUCTION_APP_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/production-apps',
    about: {
      id: 'listProductionApps',
      tag: 'Production apps',
      summary: 'Lists the production apps that the caller may see, newest first.',
      query: listQuery,
      answers: { 200: { description: 'One page of them.', schema: productionAppPage, headers: ['Link'] } },
      refusals: [],
    },
    async handle(run, { query, url }) {
      const given = parseInput(listQuery, Object.fromEntries(query));
      const { productionAppsPage } = await run(RestProductionAppsDocument, given);
      return pageAnswer(url, productionAppsPage, restProductionApp);
    },
  },
  {
    method: 'POST',
    path: '/api/production-apps',
    about: {
      id: 'createProductionApp',
      tag: 'Production apps',
      summary: 'Makes a production app of an entity.',
      body: createBody,
      isIdempotent: true,
      answers: {
        200: {
          description: 'The app that an earlier call with this key made.',
          schema: productionApp,
          headers: ['Location'],
        },
        201: { description: 'The new app.', schema: productionApp, headers: ['Location'] },
      },
      refusals: ['NOT_FOUND', 'CONFLICT', 'IDEMPOTENCY_MISMATCH'],
    },
    async handle(run, { body, headers }) {
      const input = { ...parseInput(createBody, body), idempotencyKey: headers.idempotencyKey };
      const made = (await run(RestCreateProductionAppDocument, { input })).createProductionApp;
      return {
        status: made.replayed ? 200 : 201,
        body: restProductionApp(made.productionApp),
        headers: { location: `/api/production-apps/${made.productionApp.id}` },
      };
    },
  },
  {
    method: 'GET',
    path: '/api/production-apps/{id}',
    about: {
      id: 'getProductionApp',
      tag: 'Production apps',
      summary: 'One production app, also a deleted one.',
      answers: { 200: { description: 'The app.', schema: productionApp } },
      refusals: ['NOT_FOUND'],
    },
    async handle(run, { params }) {
      const id = params['id']!;
      const { productionApp: found } = await run(RestProductionAppDetailsDocument, { id });
      if (!found) throw notFound('production app');
      return { status: 200, body: restProductionApp(found) };
    },
  },
  {
    method: 'PATCH',
    path: '/api/production-apps/{id}',
    about: {
      id: 'updateProductionApp',
      tag: 'Production apps',
      summary: 'Changes a production app.',
      body: updateBody,
      answers: { 200: { description: 'The app, as it is now.', schema: productionApp } },
      refusals: ['NOT_FOUND', 'CONFLICT'],
    },
    async handle(run, { params, body }) {
      const input = { ...parseInput(updateBody, body), id: params['id']! };
      const { updateProductionApp } = await run(RestUpdateProductionAppDocument, { input });
      return { status: 200, body: restProductionApp(updateProductionApp.productionApp) };
    },
  },
  {
    method: 'DELETE',
    path: '/api/production-apps/{id}',
    about: {
      id: 'deleteProductionApp',
      tag: 'Production apps',
      summary: 'Deletes a production app, with its database. Its history stays.',
      answers: { 200: { description: 'The app, as it is now.', schema: productionApp } },
      refusals: ['NOT_FOUND'],
    },
    async handle(run, { params }) {
      const input = { id: params['id']! };
      const { deleteProductionApp } = await run(RestDeleteProductionAppDocument, { input });
      return { status: 200, body: restProductionApp(deleteProductionApp.productionApp) };
    },
  },
  {
    method: 'GET',
    path: '/api/subdomains/check',
    about: {
      id: 'checkSubdomain',
      tag: 'Production apps',
      summary: 'Whether a subdomain is valid and free.',
      query: checkQuery,
      answers: { 200: { description: 'Whether it is.', schema: subdomainAvailability } },
      refusals: [],
    },
    async handle(run, { query }) {
      const { value, excludeId } = parseInput(checkQuery, Object.fromEntries(query));
      const answer = await run(RestCheckSubdomainDocument, { subdomain: value, excludeId });
      return { status: 200, body: answer.subdomainAvailability };
    },
  },
];

function restProductionApp(app: RestProductionAppFragment) {
  const {
    id,
    entity,
    subdomain,
    url,
    health,
    overlap,
    buildNetwork,
    environment,
    liveDeployment,
    createdAt,
    deletedAt,
  } = app;
  return {
    id,
    entityId: entity.id,
    subdomain,
    url,
    health: health.toLowerCase(),
    overlap: overlap.toLowerCase(),
    buildNetwork,
    environment: environment.map(({ phases, ...shown }) => ({
      ...shown,
      phases: phases.map((phase) => phase.toLowerCase()),
    })),
    liveDeploymentId: liveDeployment?.id ?? null,
    createdAt,
    deletedAt,
  };
}
