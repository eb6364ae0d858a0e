import type { TypedDocumentString } from '../generated/gql/graphql.ts';

/** The server's own refusal, with its code. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** An error of GraphQL as it comes over any transport. */
export interface SentError {
  readonly message: string;
  readonly extensions?: { readonly code?: unknown };
}

export function refusalOf({ message, extensions }: SentError): ApiError {
  const code = extensions?.code;
  return new ApiError(typeof code === 'string' ? code : 'INTERNAL', message);
}

export interface ApiClient {
  /** Runs a query or a mutation. Throws ApiError. */
  request<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data>;
}

/** `url` is where the API answers, without a path. */
export function createApiClient({ url, token }: { url: string; token: string }): ApiClient {
  return {
    async request(document, variables) {
      const response = await fetch(new URL('/graphql', url), {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ query: document.toString(), variables }),
      });
      const { data, errors } = (await response.json()) as { data?: unknown; errors?: SentError[] };
      const error = errors?.[0];
      if (error) throw refusalOf(error);
      return data as never;
    },
  };
}
