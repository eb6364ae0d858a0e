import { z } from 'zod';
import { DomainError } from '../domain/errors.ts';

/** Checks an input at the edge. Throws BAD_USER_INPUT that names every field at fault, and none of their values. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => ({
    field: issue.path.join('.') || 'body',
    problem: issue.message,
  }));
  const sentence = problems.map(({ field, problem }) => `${field} ${problem}`).join('; ');
  throw new DomainError('BAD_USER_INPUT', `The input is not valid: ${sentence}.`, { problems });
}

export const reasonText = z.string().max(500, 'must be at most 500 characters').nullish();
