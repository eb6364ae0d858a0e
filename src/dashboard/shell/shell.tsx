import { Box, KeyRound, Menu, Rocket, ScrollText, Server, Users, type LucideIcon } from 'lucide-react';
import { useEffect, useRef, useState, type KeyboardEvent, type MouseEvent, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { Button } from '../elements/button.tsx';
import { paths } from '../routes.ts';
import { signOut } from '../session/session.ts';
import { useOrganizationPath } from '../session/organization.tsx';
import { useHasScopeSomewhere, useViewer } from '../session/viewer.tsx';
import { ConnectionBadge } from './connection-badge.tsx';
import { useKeptFocus } from './kept-focus.ts';
import { Logo } from './logo.tsx';
import classes from './shell.module.css';
import { ThemeChoice } from './theme-choice.tsx';

interface Place {
  readonly to: string;
  readonly name: string;
  readonly icon: LucideIcon;
  /** Whether it shows one organization, which stays chosen from one such place to the next. */
  readonly isOfOrganization?: boolean;
}

/** What one works with, and below it who may, and where it runs. */
const PLACES: readonly (readonly Place[])[] = [
  [
    { to: paths.apps, name: 'Apps', icon: Box, isOfOrganization: true },
    { to: paths.deployments, name: 'Deployments', icon: Rocket, isOfOrganization: true },
  ],
  [
    { to: paths.activity, name: 'Activity', icon: ScrollText, isOfOrganization: true },
    { to: paths.members, name: 'Members', icon: Users, isOfOrganization: true },
    { to: paths.tokens, name: 'Tokens', icon: KeyRound },
    { to: paths.system, name: 'System', icon: Server },
  ],
];

/** Where one can go, who one is and how the connection is, beside every view. */
export function Shell({ children }: { children: ReactNode }) {
  const [location] = useLocation();
  const [isOpen, setIsOpen] = useState(false);
  const toggle = useRef<HTMLButtonElement>(null);
  const main = useRef<HTMLElement>(null);
  useKeptFocus(main);
  const isFirst = useRef(true);
  useEffect(() => {
    setIsOpen(false);
    // Whoever goes somewhere by keyboard or with a screen reader starts at the new view.
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [location]);

  /** The address stays: what stands behind its `#` may name a place in a log. */
  function skip(event: MouseEvent): void {
    event.preventDefault();
    main.current!.focus();
  }

  function noteKey({ key }: KeyboardEvent): void {
    if (key !== 'Escape' || !isOpen) return;
    setIsOpen(false);
    toggle.current!.focus();
  }

  return (
    <div className={classes['shell']}>
      <a className={classes['skip']} href="#main" onClick={skip}>
        Skip to the content
      </a>
      <header className={classes['bar']}>
        <Link to={paths.apps} className={classes['home']}>
          <Logo />
        </Link>
        <Button
          ref={toggle}
          look="quiet"
          aria-expanded={isOpen}
          aria-controls="places"
          aria-label="Menu"
          className={classes['toggle']}
          onClick={() => setIsOpen(!isOpen)}
        >
          <Menu aria-hidden="true" />
        </Button>
      </header>
      <div id="places" className={`${classes['side']} ${isOpen ? classes['open'] : ''}`} onKeyDown={noteKey}>
        <Places location={location} onChoose={() => setIsOpen(false)} />
        <Foot />
      </div>
      <main id="main" ref={main} tabIndex={-1} className={classes['main']}>
        {children}
      </main>
    </div>
  );
}

function Places({ location, onChoose }: { location: string; onChoose: () => void }) {
  const ofOrganization = useOrganizationPath();
  const seesActivity = useHasScopeSomewhere('ORG_SETTINGS');
  return (
    <nav aria-label="Main">
      {PLACES.map((group, index) => (
        <ul key={index}>
          {group
            .filter(({ to }) => to !== paths.activity || seesActivity)
            .map(({ to, name, icon: Icon, isOfOrganization }) => (
              <li key={to}>
                <Link
                  to={isOfOrganization ? ofOrganization(to) : to}
                  className={classes['place']}
                  onClick={onChoose}
                  aria-current={location === to || location.startsWith(`${to}/`) ? 'page' : undefined}
                >
                  <Icon aria-hidden="true" />
                  {name}
                </Link>
              </li>
            ))}
        </ul>
      ))}
    </nav>
  );
}

function Foot() {
  const { user } = useViewer();
  return (
    <footer className={classes['foot']}>
      <ConnectionBadge />
      <div className={classes['user']}>
        <span className={classes['name']} title={user.id}>
          {user.name}
        </span>
        <Button look="quiet" onClick={() => signOut()}>
          Sign out
        </Button>
      </div>
      <ThemeChoice />
    </footer>
  );
}
