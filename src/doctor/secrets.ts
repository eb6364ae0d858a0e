import type { KeyRing } from '../domain/sealing.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { countOlder, countUnreadable } from '../store/environment.ts';
import type { Violation } from './violation.ts';

/** What holds of the secrets of apps: they can be read, and would be with the first key alone. */
export async function checkSecrets(prisma: PrismaClient, keyRing: KeyRing): Promise<Violation[]> {
  const [lost, older] = [await countUnreadable(prisma, keyRing), await countOlder(prisma, keyRing)];
  const violation = (rule: string, count: number, what: string, remedy: string): Violation[] =>
    count === 0 ? [] : [{ rule, subject: 'environment', message: `has ${count} values ${what}`, remedy }];
  return [
    ...violation(
      'secrets-open',
      lost,
      'that no key opens',
      'Put the key back into WINDLASS_SECRET_KEY or its file. If it is lost, set the variables of the apps anew.',
    ),
    ...violation(
      'newest-key',
      older,
      'that an older key sealed',
      'A running worker seals them anew within 30 seconds. Keep the older key until then.',
    ),
  ];
}
