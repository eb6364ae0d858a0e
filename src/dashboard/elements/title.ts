import { useEffect } from 'react';

const PRODUCT = 'Windlass';

/** Names the view in the window's title, for tabs, bookmarks, the history and screen readers. Null: there is no name yet. */
export function useTitle(title: string | null): void {
  useEffect(() => {
    document.title = title === null ? PRODUCT : `${title} · ${PRODUCT}`;
  }, [title]);
  useEffect(
    () => () => {
      document.title = PRODUCT;
    },
    [],
  );
}
