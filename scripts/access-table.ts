import { RULES, SCOPES, type Rule } from '../src/domain/access.ts';

const BEGIN = '<!-- access:begin, written by `npm run generate` from the rules that the API goes by -->';
const END = '<!-- access:end -->';

const WHO: Record<Extract<Rule, string>, string> = {
  anyone: 'anyone',
  viewer: 'anyone signed in, for himself',
  member: 'members of the organization',
};

/** Puts the table of who may call what between its marks. */
export function withAccessTable(document: string): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error('docs/security.md has no place for the table of access.');
  return `${before}${BEGIN}\n\n${accessTable()}\n\n${END}${after}`;
}

function accessTable(): string {
  const entries = Object.entries<Rule>(RULES);
  const open = (Object.keys(WHO) as Extract<Rule, string>[]).map((rule) => [
    WHO[rule],
    'no',
    names(entries.filter(([, other]) => other === rule)),
  ]);
  const scoped = SCOPES.flatMap((scope) =>
    (['organization', 'entity'] as const).map((of) => [
      `members with \`${scope}\``,
      of === 'entity' ? 'yes' : 'no',
      names(entries.filter(([, rule]) => typeof rule === 'object' && rule.scope === scope && rule.of === of)),
    ]),
  ).filter(([, , operations]) => operations !== '');
  const unused = SCOPES.filter(
    (scope) => !entries.some(([, rule]) => typeof rule === 'object' && rule.scope === scope),
  );
  const table = format([['who', 'and a publisher of the entity', 'may call'], ...open, ...scoped]);
  return `${table}\n\nNothing asks for ${unused.map((scope) => `\`${scope}\``).join(', ')} yet.`;
}

function names(entries: readonly [string, Rule][]): string {
  return entries.map(([name]) => `\`${name}\``).join(', ');
}

/** A Markdown table as the formatter wants it. */
function format(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_cell, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}
