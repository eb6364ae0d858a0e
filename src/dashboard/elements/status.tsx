import {
  Ban,
  Check,
  CircleDashed,
  Clock,
  LoaderCircle,
  Mail,
  Minus,
  Radio,
  ShieldX,
  Star,
  TriangleAlert,
  X,
  type LucideIcon,
} from 'lucide-react';
import type { AppHealth, AuditOutcome, DeploymentStatus, PhaseStatus } from '../../generated/gql/graphql.ts';
import classes from './status.module.css';

type Tone = 'good' | 'bad' | 'warn' | 'active' | 'idle';

export interface Look {
  readonly word: string;
  readonly tone: Tone;
  readonly icon: LucideIcon;
}

/** A status has a shape and a word; its colour says it once more. */
const DEPLOYMENT: Record<DeploymentStatus, Look> = {
  PENDING: { word: 'Waiting', tone: 'idle', icon: Clock },
  IN_PROGRESS: { word: 'In progress', tone: 'active', icon: LoaderCircle },
  COMPLETED: { word: 'Completed', tone: 'good', icon: Check },
  FAILED: { word: 'Failed', tone: 'bad', icon: X },
  CANCELLED: { word: 'Cancelled', tone: 'idle', icon: Ban },
};

const PHASE: Record<PhaseStatus | 'SKIPPED', Look> = {
  PENDING: { word: 'Not begun', tone: 'idle', icon: CircleDashed },
  IN_PROGRESS: { word: 'Running', tone: 'active', icon: LoaderCircle },
  COMPLETED: { word: 'Done', tone: 'good', icon: Check },
  SKIPPED: { word: 'Skipped', tone: 'idle', icon: Minus },
  FAILED: { word: 'Failed', tone: 'bad', icon: X },
};

const HEALTH: Record<AppHealth, Look> = {
  HEALTHY: { word: 'Healthy', tone: 'good', icon: Check },
  STARTING: { word: 'Starting', tone: 'active', icon: LoaderCircle },
  UNHEALTHY: { word: 'Unhealthy', tone: 'bad', icon: TriangleAlert },
  NONE: { word: 'Nothing live', tone: 'idle', icon: CircleDashed },
};

export const TOKEN_LOOK: Record<'active' | 'expired' | 'revoked', Look> = {
  active: { word: 'Active', tone: 'good', icon: Check },
  expired: { word: 'Expired', tone: 'idle', icon: Clock },
  revoked: { word: 'Revoked', tone: 'idle', icon: Ban },
};

export const INVITATION_LOOK: Record<'open' | 'accepted' | 'expired' | 'revoked', Look> = {
  open: { word: 'Open', tone: 'active', icon: Mail },
  accepted: { word: 'Accepted', tone: 'good', icon: Check },
  expired: { word: 'Expired', tone: 'idle', icon: Clock },
  revoked: { word: 'Revoked', tone: 'idle', icon: Ban },
};

export const OUTCOME_LOOK: Record<AuditOutcome, Look> = {
  DONE: { word: 'Done', tone: 'good', icon: Check },
  REFUSED: { word: 'Refused', tone: 'bad', icon: ShieldX },
};

export const PROCESS_LOOK: Record<'alive' | 'lost', Look> = {
  alive: { word: 'Alive', tone: 'good', icon: Check },
  lost: { word: 'Lost', tone: 'bad', icon: X },
};

export function deploymentLook(status: DeploymentStatus): Look {
  return DEPLOYMENT[status];
}

export function phaseLook({ status, skipReason }: { status: PhaseStatus; skipReason?: string | null }): Look {
  return status === 'COMPLETED' && skipReason ? PHASE.SKIPPED : PHASE[status];
}

export function DeploymentBadge({ status }: { status: DeploymentStatus }) {
  return <Badge look={DEPLOYMENT[status]} />;
}

export function HealthBadge({ health }: { health: AppHealth }) {
  return <Badge look={HEALTH[health]} />;
}

/** Marks what takes the traffic. */
export function LiveBadge() {
  return <Badge look={{ word: 'Live', tone: 'good', icon: Radio }} />;
}

/** Marks the version that is deployed by default. */
export function ActiveBadge() {
  return <Badge look={{ word: 'Active', tone: 'idle', icon: Star }} />;
}

/** Any state, as a shape and a word. */
export function Badge({ look: { word, tone, icon: Icon } }: { look: Look }) {
  return (
    <span className={`${classes['badge']} ${classes[tone]}`}>
      <Icon aria-hidden="true" className={Icon === LoaderCircle ? classes['turning'] : ''} />
      {word}
    </span>
  );
}

/** The shape alone; screen readers get its word. */
export function StatusIcon({ look: { word, tone, icon: Icon } }: { look: Look }) {
  return (
    <span className={`${classes['icon']} ${classes[tone]}`} role="img" aria-label={word}>
      <Icon aria-hidden="true" className={Icon === LoaderCircle ? classes['turning'] : ''} />
    </span>
  );
}
