import { useEffect, useState } from 'react';
import { paths } from '../routes.ts';

/**
 * What stands behind the `#` of the link that was opened; empty when nothing does. It is kept in memory alone, and does
 * not stay in the address bar: nobody reads it over a shoulder, or sends it on by accident.
 */
export function useSecretOfLink(): string {
  const [secret, setSecret] = useState(() => location.hash.slice(1));
  useEffect(() => {
    function take() {
      const next = location.hash.slice(1);
      if (!next) return;
      setSecret(next);
      history.replaceState(history.state, '', paths.invitation);
    }
    take();
    // Another link that is opened in the same tab changes nothing else.
    addEventListener('hashchange', take);
    return () => removeEventListener('hashchange', take);
  }, []);
  return secret;
}
