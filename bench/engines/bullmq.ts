import { Queue, Worker } from 'bullmq';
import { PHASES } from '../../src/domain/deployment.ts';
import type { Engine, EngineOptions } from './engine.ts';

const QUEUE = 'deploy';

/** A job of BullMQ, which stores its progress after each step. On Redis: it never waits for a disk. */
export async function openBullMq(
  { redisUrl, redisPrefix }: { redisUrl: string; redisPrefix: string },
  { workers, onStart }: EngineOptions,
): Promise<Engine> {
  const options = { connection: { url: redisUrl, maxRetriesPerRequest: null }, prefix: `${redisPrefix}bullmq` };
  const queue = new Queue(QUEUE, options);
  const worker = new Worker(
    QUEUE,
    async (job) => {
      onStart(job.id!);
      for (const phase of PHASES) await job.updateProgress({ completed: phase });
    },
    { ...options, concurrency: workers },
  );
  await worker.waitUntilReady();
  return {
    trigger: async () => (await queue.add('deploy', {})).id!,
    countOpen: () => queue.getJobCountByTypes('waiting', 'active', 'prioritized', 'delayed'),
    async close() {
      await worker.close();
      await queue.obliterate({ force: true });
      await queue.close();
    },
  };
}
