const NAMES = new Set(['status', 'trigger', 'health', 'phase', 'stream', 'level', 'willStopAt', 'action', 'overlap']);

/** JSON for programs spells names as they are documented and as REST does: `in_progress`, not `IN_PROGRESS`. */
function asDocumented(value: unknown, key = '', isPhase = false): unknown {
  if (typeof value === 'string') return NAMES.has(key) || (isPhase && key === 'name') ? value.toLowerCase() : value;
  if (Array.isArray(value)) return value.map((item) => asDocumented(item, '', key === 'phases'));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, asDocumented(field, name, isPhase)]));
}

/** One line for a program. */
export function jsonLine(type: string | null, fields: object): string {
  return JSON.stringify({ ...(type === null ? {} : { type }), ...(asDocumented(fields) as object) });
}
