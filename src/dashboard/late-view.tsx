import { useEffect, useState, type ComponentType, type ReactNode } from 'react';
import { ApiError } from '../client/api.ts';
import { Failed, Loading } from './elements/states.tsx';

export interface LateView<Props> {
  /** Shows it as soon as its code is there. */
  (props: Props): ReactNode;
  /** Asks for its code before it is shown. */
  load(): void;
}

/**
 * A view whose code comes when it is needed. React's own `lazy` would show that it waits for 300 ms at least, even when
 * the code has come after ten.
 */
export function lateView<Props extends object>(load: () => Promise<ComponentType<Props>>): LateView<Props> {
  let loading: Promise<ComponentType<Props>> | null = null;
  let Loaded: ComponentType<Props> | null = null;

  function loadOnce(): Promise<ComponentType<Props>> {
    loading ??= load().then((view) => (Loaded = view));
    return loading;
  }

  function View(props: Props) {
    const [state, setState] = useState<'loading' | 'loaded' | 'failed'>(Loaded ? 'loaded' : 'loading');
    useEffect(() => {
      if (state === 'loading')
        loadOnce().then(
          () => setState('loaded'),
          () => setState('failed'),
        );
    }, [state]);
    if (Loaded) return <Loaded {...props} />;
    // The address of the code has its version in it: after an upgrade of the server only a new page knows the new one.
    return state === 'failed' ? <Failed isView error={UNREACHABLE} onRetry={() => location.reload()} /> : <Loading />;
  }
  return Object.assign(View, { load: () => void loadOnce().catch(() => {}) });
}

const UNREACHABLE = new ApiError('UNAVAILABLE', 'This part of the page cannot be loaded from the server.');
