import { createHash } from 'node:crypto';
import type { OpenApi, Operation, Parameter, Schema } from './openapi.ts';

/**
 * The description of the REST calls as one page without scripts, which asks no host for anything. Viewers that exist bring
 * megabytes and a hundred packages, some of which report home, for a page that is a few tables.
 */
export function renderReferencePage(api: OpenApi): { html: string; contentSecurityPolicy: string } {
  const style = createHash('sha256').update(STYLE).digest('base64');
  return {
    html: page(api),
    contentSecurityPolicy: `default-src 'none'; style-src 'sha256-${style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
}

const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --quiet: color-mix(in srgb, CanvasText 65%, Canvas); }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { margin: 0; font: 15px/1.55 system-ui, sans-serif; display: grid; grid-template-columns: 17rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem; border-right: 1px solid var(--line); }
nav b { display: block; margin: 1rem 0 .25rem; }
nav a { display: block; padding: .15rem .5rem; border-radius: 4px; color: inherit; text-decoration: none; }
nav a:hover { background: var(--soft); }
main { max-width: 58rem; padding: 1.5rem 2.5rem 6rem; }
h1 { margin: 0; } h2 { margin: 3rem 0 0; border-bottom: 1px solid var(--line); } h3 { margin: 2.25rem 0 .25rem; font-size: 1.05rem; }
h4 { margin: 1rem 0 .25rem; font-size: .85rem; color: var(--quiet); }
code { font: .87em/1.4 ui-monospace, monospace; background: var(--soft); padding: .1em .3em; border-radius: 3px; overflow-wrap: anywhere; }
h3 code { background: none; font-weight: 600; }
p { margin: .25rem 0; }
.method { display: inline-block; min-width: 4.2em; padding: .1em .5em; border-radius: 4px; font: 700 .75rem/1.6 ui-monospace, monospace; text-align: center; color: #fff; background: #476; }
.get { background: #256f9c; } .post { background: #2a7d46; } .patch { background: #8a5a00; } .delete { background: #a8323a; }
table { width: 100%; border-collapse: collapse; font-size: .93em; }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 600; white-space: nowrap; width: 12rem; } td:nth-child(2) { width: 16rem; }
small { color: var(--quiet); font-weight: 400; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; height: auto; border: 0; } main { padding: 1rem; } }
`;

function page(api: OpenApi): string {
  const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const groups = api.tags.map(({ name, description }) => ({
    name,
    description,
    calls: operations.filter(({ operation }) => operation.tags.includes(name)),
  }));
  const { schemas } = api.components;
  const links = groups.map(
    ({ name, calls }) =>
      `<b>${text(name)}</b>${calls.map(({ operation: { operationId: id, summary } }) => `<a href="#${id}">${text(summary.split(/[:,.]/)[0]!)}</a>`).join('')}`,
  );
  const sections = groups.map(
    ({ name, description, calls }) => `<h2>${text(name)}</h2><p>${prose(description)}</p>${calls.map(call).join('')}`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(api.info.title)} REST</title><style>${STYLE}</style></head><body>
<nav><strong>${text(api.info.title)} REST</strong>${links.join('')}<b>Shapes</b>${Object.keys(schemas)
    .map((name) => `<a href="#${anchor(name)}">${text(name)}</a>`)
    .join('')}</nav>
<main><h1>${text(api.info.title)} REST</h1><p>${prose(api.info.description)}</p>
<p>Send <code>Authorization: Bearer &lt;token&gt;</code>. The same for programs: <a href="/openapi.json">openapi.json</a>.</p>
${sections.join('')}<h2>Shapes</h2>${Object.entries(schemas)
    .map(([name, schema]) => `<h3 id="${anchor(name)}">${text(name)}</h3>${described(schema)}${fields(schema)}`)
    .join('')}</main></body></html>
`;
}

function call({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  const body = requestBody?.content['application/json']?.schema;
  return `<section><h3 id="${operationId}"><span class="method ${method}">${method.toUpperCase()}</span> <code>${text(path)}</code></h3>
<p>${prose(summary)}</p>${description ? `<p>${prose(description)}</p>` : ''}
${parameters.length > 0 ? `<h4>Parameters</h4>${table(parameters.map(parameterRow))}` : ''}
${body ? `<h4>Body${requestBody?.required ? '' : ' <small>may be left out</small>'}</h4>${fields(body)}` : ''}
<h4>Answers</h4>${table(Object.entries(responses).map(([status, answer]) => [status, ...answerCells(answer)]))}</section>`;
}

function parameterRow({ name, in: where, required, description = '', schema }: Parameter): string[] {
  return [
    `<code>${text(name)}</code> <small>${where}${required ? ', required' : ''}</small>`,
    kind(schema),
    prose(description),
  ];
}

function answerCells(answer: Operation['responses'][string]): string[] {
  if ('$ref' in answer) {
    const codes = answer.$ref.split('/').at(-1)!.split('.');
    return [`<a href="#${anchor('Problem')}">Problem</a>`, codes.map((code) => `<code>${code}</code>`).join(' ')];
  }
  const media = Object.entries(answer.content ?? {});
  const shown = media.map(([type, { schema }]) =>
    type === 'application/json' ? kind(schema) : `<code>${type}</code>`,
  );
  return [shown.join(' '), prose(answer.description)];
}

function fields(schema: Schema): string {
  const variants = schema.anyOf?.filter((variant) => variant.properties);
  if (variants && variants.length > 0) return variants.map(fields).join('<p>or</p>');
  const rows = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const isRequired = schema.required?.includes(name) ?? false;
    return [
      `<code>${text(name)}</code>${isRequired ? '' : ' <small>optional</small>'}`,
      kind(field),
      prose(field.description ?? ''),
    ];
  });
  return table(rows);
}

function kind(schema: Schema): string {
  if (schema.$ref)
    return `<a href="#${anchor(schema.$ref.split('/').at(-1)!)}">${text(schema.$ref.split('/').at(-1)!)}</a>`;
  if (schema.anyOf) return schema.anyOf.map(kind).join(' or ');
  if (schema.items) return `list of ${kind(schema.items)}`;
  if (schema.const !== undefined) return `<code>${text(schema.const)}</code>`;
  if (schema.enum) return schema.enum.map((value) => `<code>${text(value)}</code>`).join(' ');
  return text([schema.type].flat().join(' or ')) + (schema.format ? ` <small>${text(schema.format)}</small>` : '');
}

function table(rows: readonly string[][]): string {
  const lines = rows.map(
    ([head, ...cells]) => `<tr><th>${head}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`,
  );
  return lines.length > 0 ? `<table>${lines.join('')}</table>` : '';
}

function described({ description }: Schema): string {
  return description ? `<p>${prose(description)}</p>` : '';
}

function anchor(name: string): string {
  return `shape-${name}`;
}

/** Text with `code` in it. */
function prose(written: string): string {
  return text(written).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

function text(written: string): string {
  return written.replaceAll(/[&<>"']/g, (sign) => `&#${sign.codePointAt(0)};`);
}
