import { useEffect, useRef } from 'react';
import { Link, useLocation } from 'wouter';
import classes from './tabs.module.css';

interface Tab {
  /** Its path, and what it is to be searched with. */
  readonly to: string;
  readonly name: string;
}

/** The parts of a view that each have a path of their own. */
export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  const [location] = useLocation();
  const nav = useRef<HTMLElement>(null);
  useEffect(() => {
    const current = nav.current!.querySelector<HTMLElement>('[aria-current]');
    // Where there is no room for all, the current one is to be seen. The page itself is not to be scrolled.
    if (current) nav.current!.scrollLeft = current.offsetLeft - (nav.current!.clientWidth - current.clientWidth) / 2;
  }, [location]);
  return (
    <nav ref={nav} aria-label={label} className={classes['tabs']}>
      {tabs.map(({ to, name }) => (
        <Link
          key={to}
          to={to}
          className={classes['tab']}
          aria-current={location === to.split('?')[0] ? 'page' : undefined}
        >
          {name}
        </Link>
      ))}
    </nav>
  );
}
