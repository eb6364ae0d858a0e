import type { LogLevel, LogStream, PhaseName } from '../domain/deployment.ts';
import type { EventBus } from '../events/bus.ts';
import type { PrismaClient } from '../generated/prisma/client.ts';
import { metrics } from '../metrics.ts';
import { findStoredLines } from '../store/confirmations.ts';
import { ClaimLostError, type Claim } from '../store/deployments.ts';
import { appendLogLines, NO_OUTPUT, TRUNCATION, type NewLogLine, type StoredOutput } from '../store/logs.ts';
import { outlastOutage } from '../store/outage.ts';
import type { Statements } from '../store/statements.ts';
import type { Mask } from '../targets/masking.ts';
import { createOutputAllowance } from './output-allowance.ts';

/** Lines wait at most this long for others to be stored with. */
const BATCH_MS = 20;
const BATCH_LINES_MAX = 2_000;
/** With this many lines waiting, whoever writes waits too. */
const WAITING_LINES_MAX = 8_000;

export interface NewOutput {
  readonly message: string;
  readonly stream?: LogStream;
  readonly level?: LogLevel;
  readonly truncated?: boolean;
}

export interface LogWriter {
  /** Which phase and attempt the next lines belong to. */
  enter(phase: PhaseName, attempt: number): void;
  write(output: NewOutput): void;
  /** Resolves at once, or, when too much is waiting, once there is room: back-pressure for whoever writes. */
  untilRoom(): Promise<void>;
  /** Stores everything written so far. Throws ClaimLostError when the claim is lost. Answers the last seq. */
  flush(): Promise<number>;
}

export interface LogWriterDeps {
  readonly prisma: PrismaClient;
  readonly statements: Statements;
  readonly bus: EventBus;
  readonly mask: Mask;
  /** How much output of a deployment's commands is stored: one line says that there was more, which is dropped. */
  readonly logBytesMax: number;
}

/** What the workers before this one have stored. */
export interface StoredLog {
  readonly lastSeq: number;
  readonly output?: StoredOutput;
}

/** Stores a deployment's lines in batches, in order, masked, and announces each batch after it is stored. */
export function createLogWriter(
  { prisma, statements, bus, mask, logBytesMax }: LogWriterDeps,
  claim: Claim,
  { lastSeq: lastSeqBefore, output = NO_OUTPUT }: StoredLog,
): LogWriter {
  const allowance = createOutputAllowance(logBytesMax, output);
  let phase: PhaseName = 'orchestrate';
  let attempt = 1;
  let waiting: NewLogLine[] = [];
  let lastSeq = lastSeqBefore;
  let failure: unknown = null;
  let timer: NodeJS.Timeout | null = null;
  let storing: Promise<void> = Promise.resolve();
  let waitingForRoom: (() => void)[] = [];

  function schedule(): void {
    timer ??= setTimeout(() => void store(), waiting.length >= BATCH_LINES_MAX ? 0 : BATCH_MS);
  }

  function store(): Promise<void> {
    if (timer) clearTimeout(timer);
    timer = null;
    storing = storing.then(storeWaiting);
    return storing;
  }

  async function storeWaiting(): Promise<void> {
    while (waiting.length > 0 && failure === null) {
      const batch = waiting.slice(0, BATCH_LINES_MAX);
      waiting = waiting.slice(BATCH_LINES_MAX);
      if (waiting.length < WAITING_LINES_MAX) releaseWriters();
      try {
        const stored = await outlastOutage(
          () => appendLogLines(statements, claim, batch, lastSeq),
          () => findStoredLines(prisma, claim, lastSeq + batch.length),
        );
        if (stored === null) throw new ClaimLostError(claim);
        lastSeq = stored;
        metrics.logLines.inc(batch.length);
        bus.publish(`deployment:${claim.deploymentId}`, { kind: 'logs', lastSeq });
      } catch (error) {
        failure = error;
        waiting = [];
        releaseWriters();
      }
    }
  }

  function releaseWriters(): void {
    for (const release of waitingForRoom) release();
    waitingForRoom = [];
  }

  return {
    enter(nextPhase, nextAttempt) {
      phase = nextPhase;
      attempt = nextAttempt;
    },
    write({ message, stream = 'system', level = 'info', truncated = false }) {
      const isOutput = stream !== 'system';
      if (failure !== null || (isOutput && allowance.hasEnded())) return;
      const shown = mask(message, { isCut: truncated });
      const hasRoom = !isOutput || allowance.take(shown);
      const line = hasRoom ? { stream, level, message: shown, truncated } : truncationLine(logBytesMax);
      waiting.push({ at: new Date(), phase, attempt, ...line });
      schedule();
    },
    async untilRoom() {
      if (waiting.length >= WAITING_LINES_MAX) {
        // Not until all is stored: what is read next is made ready while the database works.
        const room = new Promise<void>((resolve) => waitingForRoom.push(resolve));
        void store();
        await room;
      }
      if (failure !== null) throw failure;
    },
    async flush() {
      await store();
      if (failure !== null) throw failure;
      return lastSeq;
    },
  };
}

function truncationLine(bytesMax: number) {
  const message = `${TRUNCATION}the output of this deployment has reached ${bytesMax} bytes (WINDLASS_LOG_BYTES_MAX). Its commands go on, but what they print is not stored.`;
  return { stream: 'system', level: 'warn', message, truncated: false } as const;
}
