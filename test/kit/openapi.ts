import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { createOpenApi } from '../../src/http/openapi.ts';

/** Holds REST answers against the description of their calls. Throws what does not fit. */
export function createAnswerCheck(): (method: string, path: string, answer: DescribedAnswer) => void {
  const api = createOpenApi();
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'urn:windlass:api', ...api });
  const paths = Object.keys(api.paths);

  return (method, path, { status, mediaType, body }) => {
    const template = paths.find((one) => new RegExp(`^${one.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path));
    const operation = template && api.paths[template]?.[method.toLowerCase()];
    if (!operation) throw new Error(`${method} ${path} is not described.`);
    const described = operation.responses[status];
    if (!described) throw new Error(`${method} ${path}: the status ${status} is not described.`);
    const response = '$ref' in described ? api.components.responses[described.$ref.split('/').at(-1)!]! : described;
    const content = response.content ?? {};
    if (Object.keys(content).length === 0 && mediaType === null) return;
    if (mediaType === null || !(mediaType in content))
      throw new Error(`${method} ${path}: ${mediaType} is not described.`);
    if (!mediaType.endsWith('json')) return;
    const schema = JSON.parse(
      JSON.stringify(content[mediaType]!.schema).replaceAll('"#/', '"urn:windlass:api#/'),
    ) as object;
    if (!ajv.validate(schema, body)) throw new Error(`${method} ${path}: ${ajv.errorsText()}\n${JSON.stringify(body)}`);
  };
}

export interface DescribedAnswer {
  readonly status: number;
  /** Without parameters; null when there is no body. */
  readonly mediaType: string | null;
  readonly body: unknown;
}
