import { setTimeout as delay } from 'node:timers/promises';
import type { KeyRing } from '../domain/sealing.ts';
import type { Database } from '../store/db.ts';
import { checkGateways } from './gateway.ts';
import { checkMachine, type MachineFolders } from './machine.ts';
import { checkRows } from './rows.ts';
import { checkSecrets } from './secrets.ts';
import type { Violation } from './violation.ts';

/** What is only on its way when the doctor looks first is done when he looks again. */
const LOOK_AGAIN_MS = 2_000;

export interface DiagnosisOptions {
  readonly folders: MachineFolders;
  /** Whether a host agent may run: without one, no app runs, and no gateway answers. */
  readonly isRunning: boolean;
  readonly keyRing: KeyRing;
}

/** Looks for everything that must not be. It may be called while Windlass works: only what stays is a violation. */
export async function diagnose(database: Database, options: DiagnosisOptions): Promise<Violation[]> {
  const first = await look(database, options);
  if (first.length === 0 || !options.isRunning) return first;
  await delay(LOOK_AGAIN_MS);
  const again = await look(database, options);
  const key = ({ rule, subject }: Violation) => `${rule} ${subject}`;
  const seen = new Set(first.map(key));
  return again.filter((violation) => seen.has(key(violation)));
}

async function look(
  { pool, prisma }: Database,
  { folders, isRunning, keyRing }: DiagnosisOptions,
): Promise<Violation[]> {
  return [
    ...(await checkRows(pool)),
    ...(await checkMachine(prisma, folders, isRunning)),
    ...(await checkSecrets(prisma, keyRing)),
    ...(isRunning ? await checkGateways(prisma) : []),
  ];
}
