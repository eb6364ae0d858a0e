import { useEffect, type RefObject } from 'react';

/**
 * What is removed while it has the focus, such as a button that has done its work, hands the focus to the nearest place
 * around it that can have it. Else the next key would begin at the top of the page, or do nothing.
 */
export function useKeptFocus(root: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const within = root.current!;
    /** What had the focus last, and what is around it. */
    let path: readonly Element[] = [];

    function note({ target }: FocusEvent): void {
      path = within.contains(target as Element) ? pathTo(target as Element, within) : [];
    }
    function forget(): void {
      path = [];
    }
    function restore(): void {
      const isLost = document.activeElement === null || document.activeElement === document.body;
      if (path.length === 0 || path[0]!.isConnected || !isLost) return;
      const around = path.find((element) => element.isConnected && element.hasAttribute('tabindex'));
      (around as HTMLElement | undefined)?.focus({ preventScroll: true });
    }

    const observer = new MutationObserver(restore);
    observer.observe(within, { childList: true, subtree: true });
    document.addEventListener('focusin', note);
    // Who clicks on nothing wants nothing to have the focus.
    document.addEventListener('pointerdown', forget);
    return () => {
      observer.disconnect();
      document.removeEventListener('focusin', note);
      document.removeEventListener('pointerdown', forget);
    };
  }, [root]);
}

function pathTo(element: Element, root: Element): Element[] {
  const path: Element[] = [];
  for (let each: Element | null = element; each && each !== root; each = each.parentElement) path.push(each);
  return [...path, root];
}
