import { z } from 'zod';
import { DEPLOYMENT_STATUSES } from '../domain/deployment.ts';
import { notFound } from '../domain/errors.ts';
import {
  RestCancelDocument,
  RestConfirmUploadDocument,
  RestCreateStreamTicketDocument,
  RestDeployDocument,
  RestDeploymentDetailsDocument,
  RestDeploysDocument,
  RestRedeployDocument,
  RestRequestUploadDocument,
  RestRetryDocument,
  RestRollbackDocument,
  type DeploymentStatus,
  type RestDeploymentFragment,
  type RestVersionFragment,
} from '../generated/gql/graphql.ts';
import { parseInput } from '../operations/input.ts';
import { LOG_ROUTES, restLine } from './rest-logs.ts';
import { PRODUCTION_APP_ROUTES } from './rest-production-apps.ts';
import { deployment, deploymentDetails, deploymentPage, streamTicket, uploadOffer, version } from './rest-schemas.ts';
import { jsonObject, optionalText, overlapText, pageAnswer, pageQuery, text, type Route } from './route.ts';

const listQuery = z.object({
  productionAppId: z.string().optional(),
  status: z
    .array(z.enum(DEPLOYMENT_STATUSES, { error: `must be one of ${DEPLOYMENT_STATUSES.join(', ')}` }))
    .max(100)
    .describe('May be repeated: those in one of them.'),
  ...pageQuery,
});
const optionalFlag = z.boolean({ error: 'must be true or false' }).nullish();
const deployBody = jsonObject({
  productionAppId: text,
  versionId: optionalText,
  overlap: overlapText,
  reason: optionalText,
});
const cancelBody = jsonObject({ reason: optionalText, force: optionalFlag }).optional();
const rerun = { overlap: overlapText, reason: optionalText };
const rerunBody = jsonObject(rerun).optional();
const rollbackBody = jsonObject({ ...rerun, allowIrreversible: optionalFlag }).optional();
const uploadUrlBody = jsonObject({
  version: text,
  source_hash: text,
  base_version_id: optionalText,
  force: optionalFlag,
});
const confirmBody = jsonObject({
  storage_path: text,
  version: text,
  source_hash: text,
  file_size_bytes: z
    .number({ error: 'must be a number' })
    .int('must be a whole number')
    .min(0)
    .max(2 ** 31 - 1),
  package_sha256: optionalText,
  set_as_active: optionalFlag,
  force: optionalFlag,
});

const madeAnswers = {
  200: {
    description: 'The deployment that an earlier call with this key made.',
    schema: deployment,
    headers: ['Location'],
  },
  201: { description: 'The new deployment.', schema: deployment, headers: ['Location'] },
};

/** The documented calls, each a stored document and the shape of its answer. */
export const ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/api/deploy',
    about: {
      id: 'triggerDeployment',
      tag: 'Deployments',
      summary: 'Triggers a deployment.',
      body: deployBody,
      isIdempotent: true,
      answers: { ...madeAnswers },
      refusals: [
        'NOT_FOUND',
        'CONFLICT',
        'OVERLAP_REJECTED',
        'IDEMPOTENCY_MISMATCH',
        'NO_ACTIVE_VERSION',
        'VERSION_NOT_OF_ENTITY',
      ],
    },
    async handle(run, { body, headers }) {
      const input = { ...parseInput(deployBody, body), idempotencyKey: headers.idempotencyKey };
      return madeDeployment((await run(RestDeployDocument, { input })).triggerDeployment);
    },
  },
  {
    method: 'GET',
    path: '/api/deploys',
    about: {
      id: 'listDeployments',
      tag: 'Deployments',
      summary: 'Lists the deployments that the caller may see, newest first.',
      query: listQuery,
      answers: { 200: { description: 'One page of them.', schema: deploymentPage, headers: ['Link'] } },
      refusals: [],
    },
    async handle(run, { query, url }) {
      const given = parseInput(listQuery, {
        ...Object.fromEntries(query),
        status: query.getAll('status'),
      });
      const status = given.status.map((value) => value.toUpperCase() as DeploymentStatus);
      const filter = { productionAppId: given.productionAppId, status: status.length > 0 ? status : undefined };
      const { deploymentsPage } = await run(RestDeploysDocument, {
        filter,
        page: given.page,
        pageSize: given.pageSize,
      });
      return pageAnswer(url, deploymentsPage, restDeployment);
    },
  },
  {
    method: 'GET',
    path: '/api/deploys/{id}',
    about: {
      id: 'getDeployment',
      tag: 'Deployments',
      summary: 'One deployment, with its phases and the end of its log.',
      answers: { 200: { description: 'The deployment.', schema: deploymentDetails } },
      refusals: ['NOT_FOUND'],
    },
    async handle(run, { params }) {
      const id = params['id']!;
      const { deployment: found } = await run(RestDeploymentDetailsDocument, { id });
      if (!found) throw notFound('deployment');
      const { logs, ...rest } = found;
      const lines = logs.nodes.map(restLine);
      return { status: 200, body: { ...restDeployment(rest), logs: lines, logsTotal: logs.totalCount } };
    },
  },
  {
    method: 'POST',
    path: '/api/deploys/{id}/cancel',
    about: {
      id: 'cancelDeployment',
      tag: 'Deployments',
      summary: 'Cancels a deployment, in any phase.',
      body: cancelBody,
      answers: { 200: { description: 'The deployment, as it is now.', schema: deployment } },
      refusals: ['NOT_FOUND', 'ALREADY_FINISHED'],
    },
    async handle(run, { params, body }) {
      const input = { ...parseInput(cancelBody, body), deploymentId: params['id']! };
      const { cancelDeployment } = await run(RestCancelDocument, { input });
      return { status: 200, body: restDeployment(cancelDeployment.deployment) };
    },
  },
  {
    method: 'POST',
    path: '/api/deploys/{id}/retry',
    about: {
      id: 'retryDeployment',
      tag: 'Deployments',
      summary: 'Goes on where a failed or cancelled deployment ended, with a new one.',
      body: rerunBody,
      isIdempotent: true,
      answers: { ...madeAnswers },
      refusals: ['NOT_FOUND', 'CONFLICT', 'OVERLAP_REJECTED', 'IDEMPOTENCY_MISMATCH'],
    },
    async handle(run, { params, body, headers: { idempotencyKey } }) {
      const input = { ...parseInput(rerunBody, body), deploymentId: params['id']!, idempotencyKey };
      return madeDeployment((await run(RestRetryDocument, { input })).retryDeployment);
    },
  },
  {
    method: 'POST',
    path: '/api/deploys/{id}/redeploy',
    about: {
      id: 'redeployDeployment',
      tag: 'Deployments',
      summary: 'Ships the version of a deployment again, with a new one.',
      body: rerunBody,
      isIdempotent: true,
      answers: { ...madeAnswers },
      refusals: ['NOT_FOUND', 'CONFLICT', 'OVERLAP_REJECTED', 'IDEMPOTENCY_MISMATCH'],
    },
    async handle(run, { params, body, headers: { idempotencyKey } }) {
      const input = { ...parseInput(rerunBody, body), deploymentId: params['id']!, idempotencyKey };
      return madeDeployment((await run(RestRedeployDocument, { input })).redeployDeployment);
    },
  },
  {
    method: 'POST',
    path: '/api/deploys/{id}/rollback',
    about: {
      id: 'rollbackDeployment',
      tag: 'Deployments',
      summary: 'Goes back to a completed deployment: its stored artifact is started again.',
      body: rollbackBody,
      isIdempotent: true,
      answers: { ...madeAnswers },
      refusals: ['NOT_FOUND', 'CONFLICT', 'OVERLAP_REJECTED', 'IDEMPOTENCY_MISMATCH'],
    },
    async handle(run, { params, body, headers: { idempotencyKey } }) {
      const input = { ...parseInput(rollbackBody, body), deploymentId: params['id']!, idempotencyKey };
      return madeDeployment((await run(RestRollbackDocument, { input })).rollbackDeployment);
    },
  },
  {
    method: 'POST',
    path: '/api/entities/{entityId}/versions/upload-url',
    about: {
      id: 'requestVersionUpload',
      tag: 'Versions',
      summary: 'First step of a push: asks where to put the file.',
      body: uploadUrlBody,
      isIdempotent: true,
      answers: { 200: { description: 'Where to put it, or the version that exists.', schema: uploadOffer } },
      refusals: ['NOT_FOUND', 'CONFLICT', 'IDEMPOTENCY_MISMATCH'],
    },
    async handle(run, { params, body, headers: { idempotencyKey } }) {
      const { version: name, source_hash, base_version_id, force } = parseInput(uploadUrlBody, body);
      const input = {
        entityId: params['entityId']!,
        version: name,
        sourceHash: source_hash,
        baseVersionId: base_version_id,
        force,
        idempotencyKey,
      };
      const { requestVersionUpload: upload } = await run(RestRequestUploadDocument, { input });
      return {
        status: 200,
        body: upload.existingVersion
          ? { existing_version: restVersion(upload.existingVersion) }
          : { upload_url: upload.uploadUrl, storage_path: upload.storagePath, expires_at: upload.expiresAt },
      };
    },
  },
  {
    method: 'POST',
    path: '/api/entities/{entityId}/versions/confirm',
    about: {
      id: 'confirmVersionUpload',
      tag: 'Versions',
      summary: 'Second step of a push: looks through the file and makes the version.',
      body: confirmBody,
      isIdempotent: true,
      answers: {
        200: { description: 'The version that an earlier call with this key made.', schema: version },
        201: { description: 'The new version.', schema: version },
      },
      refusals: ['NOT_FOUND', 'CONFLICT', 'IDEMPOTENCY_MISMATCH', 'PACKAGE_REJECTED'],
    },
    async handle(run, { params, body, headers: { idempotencyKey } }) {
      const given = parseInput(confirmBody, body);
      const input = {
        entityId: params['entityId']!,
        storagePath: given.storage_path,
        version: given.version,
        sourceHash: given.source_hash,
        fileSizeBytes: given.file_size_bytes,
        packageSha256: given.package_sha256,
        setAsActive: given.set_as_active,
        force: given.force,
        idempotencyKey,
      };
      const { confirmVersionUpload } = await run(RestConfirmUploadDocument, { input });
      return { status: confirmVersionUpload.replayed ? 200 : 201, body: restVersion(confirmVersionUpload.version) };
    },
  },
  {
    method: 'POST',
    path: '/api/stream-tickets',
    about: {
      id: 'createStreamTicket',
      tag: 'Streams',
      summary: 'A ticket that opens one stream within a minute, as `?ticket=`.',
      answers: { 201: { description: 'The ticket.', schema: streamTicket } },
      refusals: [],
    },
    async handle(run) {
      return { status: 201, body: (await run(RestCreateStreamTicketDocument, {})).createStreamTicket };
    },
  },
  ...LOG_ROUTES,
  ...PRODUCTION_APP_ROUTES,
];

/** 201 with the new deployment; 200 when an earlier call with the same key had made it. */
function madeDeployment({ deployment: made, replayed }: { deployment: RestDeploymentFragment; replayed: boolean }) {
  return {
    status: replayed ? 200 : 201,
    body: restDeployment(made),
    headers: { location: `/api/deploys/${made.id}` },
  };
}

/** Statuses, phases and triggers are spelled as documented; everything else is as GraphQL has it. */
function restDeployment({ productionApp, version: shipped, status, phases, trigger, ...rest }: RestDeploymentFragment) {
  const { id, number, ...facts } = rest;
  return {
    id,
    number,
    productionAppId: productionApp.id,
    versionId: shipped.id,
    status: status.toLowerCase(),
    phases: phases.map((phase) => ({ ...phase, name: phase.name.toLowerCase(), status: phase.status.toLowerCase() })),
    trigger: trigger.toLowerCase(),
    ...facts,
  };
}

function restVersion({ entity, baseVersion, ...rest }: RestVersionFragment) {
  return { ...rest, entityId: entity.id, baseVersionId: baseVersion?.id ?? null };
}
