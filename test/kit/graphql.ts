import { send, type Plane } from './plane.ts';

export interface GraphQLAnswer {
  readonly status: number;
  // Tests read whatever they asked for.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly data: any;
  /** The code of each error. */
  readonly codes: readonly string[];
  readonly messages: readonly string[];
  readonly body: string;
}

/** A GraphQL request as any HTTP client would send it. */
export async function graphql(
  plane: Pick<Plane, 'url'>,
  token: string | null,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<GraphQLAnswer> {
  const answer = await send('POST', `${plane.url}/graphql`, {
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors = [] } = JSON.parse(answer.body) as {
    data?: unknown;
    errors?: { message: string; extensions: { code: string } }[];
  };
  return {
    status: answer.status,
    data,
    codes: errors.map(({ extensions }) => extensions.code),
    messages: errors.map(({ message }) => message),
    body: answer.body,
  };
}
