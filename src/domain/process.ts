/** What a process does. `serve` does all three. */
export const ROLES = ['api', 'worker', 'host'] as const;
export type Role = (typeof ROLES)[number];
