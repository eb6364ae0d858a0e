import type { Variable } from '../domain/environment.ts';
import type { Service } from '../domain/manifest.ts';
import type { LogLevel, LogStream } from '../domain/deployment.ts';
import type { Claim, StateChange } from '../store/deployments.ts';

/** The app that is shipped, as far as a target needs to know it. */
export interface TargetApp {
  readonly id: string;
  readonly subdomain: string;
}

export interface TargetContext {
  /** Lets the target write only as long as its worker holds the deployment. */
  readonly claim: Claim;
  readonly signal: AbortSignal;
  log(message: string, options?: { stream?: LogStream; level?: LogLevel; truncated?: boolean }): void;
}

/** What one release needs beside its artifact. */
export interface ReleasePlan {
  readonly artifactKey: string;
  readonly artifactSha256: string;
  readonly service: Service;
  readonly healthPath: string;
  readonly healthTimeoutMs: number;
  /** When the release turns unhealthy within this time after it took the traffic, it is rolled back. 0: never. */
  readonly watchMs: number;
  readonly drainMs: number;
  /** Plain settings. What was provisioned is added where the release starts. */
  readonly env: Readonly<Record<string, string>>;
  /** What the app's owner set for its releases. Stored sealed. */
  readonly variables: readonly Variable[];
}

/** Which cached answers an app wants gone. */
export interface Purge {
  readonly paths: readonly string[];
  readonly surrogateKeys: readonly string[];
}

/**
 * Where apps run. Every call is safe to repeat after a crash in the middle of it. Leaves out builds, artifacts and
 * migrations: those are the pipeline's, whatever the target.
 */
export interface Target {
  /** Makes what the app needs to run: a data folder and a database. */
  provision(app: TargetApp, context: TargetContext): Promise<void>;
  /** What names it, for commands that need it. Holds secrets: it is never stored with a deployment. */
  environment(app: TargetApp): Promise<Record<string, string>>;
  /**
   * What no text about the app may show: of its environment, and of what the target itself is set up with. Empty until
   * there is something; `provision` may make some.
   */
  secrets(app: TargetApp): Promise<string[]>;
  /** Starts a release beside the one that serves, and answers its id once it is healthy. Throws PhaseFailure. */
  startRelease(app: TargetApp, plan: ReleasePlan, context: TargetContext): Promise<string>;
  /** Sends the app's traffic to a release, in one step, and resolves once it arrives there. */
  switchTraffic(releaseId: string, context: TargetContext): Promise<StateChange>;
  /** Takes back whatever a deployment did to the app's traffic and stops its release. */
  withdraw(context: Omit<TargetContext, 'signal'>): Promise<void>;
  /** Throws away cached answers; all of the app's when nothing is named. Answers how many the target itself had. */
  purge(app: TargetApp, what: Purge, context: TargetContext): Promise<number>;
}
