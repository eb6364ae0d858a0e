import { CloudOff, SearchX } from 'lucide-react';
import type { ReactNode } from 'react';
import type { ApiError } from '../../client/api.ts';
import { Button } from './button.tsx';
import classes from './states.module.css';
import { useTitle } from './title.ts';

/** What stands where nothing is yet, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={classes['state']}>
      <h2>{title}</h2>
      <div className={classes['text']}>{children}</div>
    </div>
  );
}

interface FailedProps {
  error: ApiError;
  onRetry?: () => void;
  /** It stands for a whole view. */
  isView?: boolean;
}

/** What could not be read, why, and a way to try again. */
export function Failed({ error, onRetry, isView = false }: FailedProps) {
  const Heading = isView ? 'h1' : 'h2';
  return (
    <div className={classes['state']} role="alert">
      <CloudOff aria-hidden="true" />
      <Heading>This could not be loaded</Heading>
      <p className={classes['text']}>
        {error.message} <code>{error.code}</code>
      </p>
      {onRetry && <Button onClick={onRetry}>Try again</Button>}
    </div>
  );
}

export function NotFound({ what }: { what: string }) {
  useTitle('Not found');
  return (
    <div className={classes['state']}>
      <SearchX aria-hidden="true" />
      <h1>There is no such {what}</h1>
      <p className={classes['text']}>It does not exist, or you may not see it.</p>
    </div>
  );
}

/** Grey bars in the place of what is about to come. */
export function Loading({ lines = 4 }: { lines?: number }) {
  return (
    <div className={classes['loading']} role="status">
      <span className="visually-hidden">Loading …</span>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} className={classes['bar']} />
      ))}
    </div>
  );
}

/** Why an action was refused, beside the button that asked for it. */
export function Refusal({ error }: { error: ApiError | null }) {
  if (!error) return null;
  return (
    <p className={classes['refusal']} role="alert">
      {error.message}
    </p>
  );
}
