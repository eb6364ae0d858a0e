import { PubSub } from 'graphql-subscriptions';

/**
 * What may be worth a look in the database. A hint is never the truth: it can be lost, doubled or late, and whoever
 * waits for one also looks by himself once a second (see `HINT_POLL_MS`).
 */
export interface Hints {
  [topic: `deployment:${string}`]:
    | { readonly kind: 'state'; readonly stateVersion: number }
    | { readonly kind: 'logs'; readonly lastSeq: number };
  /** Somebody wants a deployment cancelled. */
  cancels: { readonly kind: 'cancel'; readonly deploymentId: string };
  /** Some deployment was made or has changed. */
  deployments: { readonly kind: 'changed' };
  /**
   * Something about the releases that hosts run or route was changed by somebody else than their host; or a live one
   * turned unhealthy while it was watched.
   */
  releases: { readonly kind: 'wanted' } | { readonly kind: 'unhealthy' };
  [topic: `release:${string}`]: { readonly kind: 'observed' };
  /** The releases of an app printed something, or the app was deleted. */
  [topic: `runtime:${string}`]: { readonly kind: 'runtime' };
}
export type Topic = keyof Hints;

/** After this long without a hint, whoever follows rows reads them all the same. */
export const HINT_POLL_MS = 1_000;

/**
 * Carries hints between processes. Leaves out on purpose: order, replay, delivery at least once, and back-pressure. A
 * listener is called at once and must only take note.
 */
export interface EventBus {
  readonly kind: 'memory' | 'redis';
  /** Whether what is published now arrives at other processes. */
  isConnected(): boolean;
  /** Never throws, never waits: called after the commit of what the hint is about. */
  publish<T extends Topic>(topic: T, hint: Hints[T]): void;
  /** Resolves once what is published from now on arrives, or when the broker does not answer in time. */
  subscribe<T extends Topic>(topic: T, listener: (hint: Hints[T]) => void): Promise<() => void>;
  close(): Promise<void>;
}

/** Hints at a change of a deployment's state: for who follows it, and for who follows lists. */
export function announceState(bus: EventBus, { deploymentId, stateVersion }: AnnouncedState): void {
  bus.publish(`deployment:${deploymentId}`, { kind: 'state', stateVersion });
  announceChange(bus);
}

/** Lists are looked at a moment after a hint. What comes until then needs no hint of its own. */
const CHANGE_HINT_DELAY_MS = 10;
const announcing = new WeakSet<EventBus>();

/** Hints that some deployment was made or has changed. */
export function announceChange(bus: EventBus): void {
  if (announcing.has(bus)) return;
  announcing.add(bus);
  setTimeout(() => {
    announcing.delete(bus);
    bus.publish('deployments', { kind: 'changed' });
  }, CHANGE_HINT_DELAY_MS);
}

interface AnnouncedState {
  readonly deploymentId: string;
  readonly stateVersion: number;
}

export function createMemoryBus(): EventBus {
  const pubSub = new PubSub();
  // One process may follow any number of deployments.
  (pubSub as unknown as { ee: NodeJS.EventEmitter }).ee.setMaxListeners(0);
  return {
    kind: 'memory',
    isConnected: () => true,
    publish: (topic, hint) => void pubSub.publish(topic, hint),
    async subscribe(topic, listener) {
      const id = await pubSub.subscribe(topic, listener);
      return () => pubSub.unsubscribe(id);
    },
    close: async () => {},
  };
}
