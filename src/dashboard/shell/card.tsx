import type { ReactNode } from 'react';
import classes from './card.module.css';
import { Logo } from './logo.tsx';

/** What stands alone on the page, for who is not signed in, or not yet where he wants to be. */
export function Card({ children }: { children: ReactNode }) {
  return (
    <main className={classes['page']}>
      <div className={classes['card']}>
        <Logo />
        {children}
      </div>
    </main>
  );
}
