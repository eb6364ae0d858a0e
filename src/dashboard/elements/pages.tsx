import { Fragment, useEffect, useRef, useState, type ComponentType, type ReactNode } from 'react';
import { Button } from './button.tsx';
import classes from './pages.module.css';

export interface PageOfList {
  /** Where it begins: the cursor that the page before it ended with. */
  readonly after: string | null;
  /** The button that shows the next page. Nothing where there is none, or where it is shown already. */
  more(pageInfo: { hasNextPage: boolean; endCursor?: string | null }): ReactNode;
}

interface PagesProps<Props> {
  /** Reads and shows one page. */
  page: ComponentType<PageOfList & Props>;
  props: Props;
}

/** A list that is read and shown page after page. Give it a `key` of what the list is of. */
export function Pages<Props extends object>({ page: Page, props }: PagesProps<Props>) {
  const [cursors, setCursors] = useState<readonly (string | null)[]>([null]);
  return cursors.map((after, index) => (
    <Fragment key={after}>
      {index > 0 && <PageStart number={index + 1} />}
      <Page
        {...props}
        after={after}
        more={({ hasNextPage, endCursor }) =>
          hasNextPage &&
          index === cursors.length - 1 && (
            <div className={classes['more']}>
              <Button onClick={() => setCursors([...cursors, endCursor!])}>Show more</Button>
            </div>
          )
        }
      />
    </Fragment>
  ));
}

/** Whoever asked for another page by keyboard or with a screen reader goes on where it begins. */
function PageStart({ number }: { number: number }) {
  const place = useRef<HTMLParagraphElement>(null);
  useEffect(() => place.current!.focus({ preventScroll: true }), []);
  return (
    <p ref={place} tabIndex={-1} className="visually-hidden">
      Page {number}
    </p>
  );
}
