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

/**
 * A list that is read and shown page after page. Each begins where the one before ends now, so that what is new at the top
 * pushes nothing out of sight. Give it a `key` of what the list is of.
 */
export function Pages<Props extends object>({ page: Page, props }: PagesProps<Props>) {
  const [count, setCount] = useState(1);
  const [ends, setEnds] = useState<readonly (string | null)[]>([]);
  return Array.from({ length: count }, (_, index) => (
    <Fragment key={index}>
      {index > 0 && <PageStart number={index + 1} />}
      <Page
        {...props}
        after={index === 0 ? null : ends[index - 1]!}
        more={({ hasNextPage, endCursor = null }) => (
          <More
            endCursor={endCursor}
            hasButton={hasNextPage && index === count - 1}
            onEnd={(end) =>
              setEnds((before) => (before[index] === end ? before : Object.assign([...before], { [index]: end })))
            }
            onMore={() => setCount(count + 1)}
          />
        )}
      />
    </Fragment>
  ));
}

interface MoreProps {
  endCursor: string | null;
  hasButton: boolean;
  onEnd: (endCursor: string | null) => void;
  onMore: () => void;
}

function More({ endCursor, hasButton, onEnd, onMore }: MoreProps) {
  const tell = useRef(onEnd);
  tell.current = onEnd;
  useEffect(() => tell.current(endCursor), [endCursor]);
  return (
    hasButton && (
      <div className={classes['more']}>
        <Button onClick={onMore}>Show more</Button>
      </div>
    )
  );
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
