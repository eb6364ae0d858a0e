import type { ReactNode } from 'react';
import classes from './panel.module.css';
import { useTitle } from './title.ts';

/** A surface with a title, and actions beside it. */
export function Panel({ title, actions, children }: { title?: string; actions?: ReactNode; children: ReactNode }) {
  return (
    // What is removed from it leaves the focus to it.
    <section className={classes['panel']} aria-label={title} tabIndex={title ? -1 : undefined}>
      {(title || actions) && (
        <header className={classes['head']}>
          {title && <h2>{title}</h2>}
          {actions && <div className={classes['actions']}>{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

interface PageHeadProps {
  title: ReactNode;
  /** Its name in the window's title. Default: the title, if it is a text. */
  name?: string;
  about?: ReactNode;
  actions?: ReactNode;
}

/** The top of a view: where one is, and what can be done here. */
export function PageHead({ title, name, about, actions }: PageHeadProps) {
  useTitle(name ?? (typeof title === 'string' ? title : null));
  return (
    <header className={classes['page']}>
      <div>
        <h1>{title}</h1>
        {about && <div className={classes['about']}>{about}</div>}
      </div>
      {actions && <div className={classes['actions']}>{actions}</div>}
    </header>
  );
}
