import type { DeploymentAction } from '../../generated/gql/graphql.ts';

/** The same by other means: what is shown, or what is asked for. No text has a token in it. */
export interface Recipes {
  readonly graphql: string;
  /** Of the GraphQL, as JSON. */
  readonly variables: string;
  readonly curl: string;
  readonly cli: string;
}

/** Where it is, and what it is of. */
export interface RecipeSubject {
  /** The origin of the server. */
  readonly url: string;
  readonly deploymentId: string;
  readonly subdomain: string;
}

export interface RecipeInput {
  readonly reason: string | null;
  /** Of a cancel: whether a running migration command is ended, too. */
  readonly force?: boolean;
}

const LOOK = `query Deployment($id: ID!) {
  deployment(id: $id) {
    number
    status
    phases {
      name
      status
      attempt
      durationMs
    }
    failure {
      code
      message
      hint
    }
    logs(last: 100) {
      nodes {
        seq
        message
      }
    }
  }
}`;

export function lookRecipes({ url, deploymentId }: RecipeSubject): Recipes {
  return {
    graphql: LOOK,
    variables: json({ id: deploymentId }),
    curl: curl(`${url}/api/deploys/${deploymentId}`, []),
    cli: [`windlass status ${deploymentId} --url ${url}`, `windlass logs ${deploymentId} --url ${url}`].join('\n'),
  };
}

export function actionRecipes(action: DeploymentAction, subject: RecipeSubject, input: RecipeInput): Recipes {
  const { url, deploymentId } = subject;
  const name = action.toLowerCase();
  const body = { ...(input.reason ? { reason: input.reason } : {}), ...(input.force ? { force: true } : {}) };
  return {
    graphql: mutationOf(`${name}Deployment`),
    variables: json({ input: { deploymentId, ...body } }),
    curl: curl(`${url}/api/deploys/${deploymentId}/${name}`, [
      '-X POST',
      ...(Object.keys(body).length > 0
        ? ["-H 'Content-Type: application/json'", `-d ${quote(JSON.stringify(body))}`]
        : []),
    ]),
    cli: [
      COMMANDS[action](subject),
      `--url ${url}`,
      ...(input.reason ? [`--reason ${quote(input.reason)}`] : []),
      ...(input.force ? ['--force'] : []),
    ].join(' '),
  };
}

const COMMANDS: Record<DeploymentAction, (subject: RecipeSubject) => string> = {
  CANCEL: ({ deploymentId }) => `windlass cancel ${deploymentId}`,
  RETRY: ({ deploymentId }) => `windlass retry ${deploymentId}`,
  REDEPLOY: ({ deploymentId }) => `windlass redeploy ${deploymentId}`,
  ROLLBACK: ({ subdomain, deploymentId }) => `windlass rollback ${subdomain} --to ${deploymentId}`,
};

function mutationOf(field: string): string {
  const type = field.charAt(0).toUpperCase() + field.slice(1);
  return `mutation ${type}($input: ${type}Input!) {
  ${field}(input: $input) {
    deployment {
      id
      number
      status
    }
  }
}`;
}

function curl(address: string, options: readonly string[]): string {
  return [`curl ${quote(address)}`, '-H "Authorization: Bearer $WINDLASS_TOKEN"', ...options].join(' \\\n  ');
}

function json(value: object): string {
  return JSON.stringify(value, null, 2);
}

/** For a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
