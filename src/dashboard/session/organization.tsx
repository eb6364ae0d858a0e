import { createContext, useCallback, useContext, useEffect, useState, type ReactNode } from 'react';
import { useSearchParams } from 'wouter';
import { SelectField } from '../elements/field.tsx';
import { useViewer, type Membership } from './viewer.tsx';

const PARAMETER = 'organization';

/** The organization that a view is about: the one in the URL, else the first. Null for who belongs to none. */
export function useOrganization(): Membership['organization'] | null {
  const [search] = useSearchParams();
  const { memberships } = useViewer();
  const slug = search.get(PARAMETER);
  const chosen = memberships.find(({ organization }) => organization.slug === slug) ?? memberships[0];
  return chosen?.organization ?? null;
}

interface Shown {
  readonly slug: string | null;
  show(slug: string | null): void;
}

const ShownContext = createContext<Shown | null>(null);

/** Knows whose app or deployment is looked at, which its own URL does not say. */
export function ShownOrganizationProvider({ children }: { children: ReactNode }) {
  const [slug, show] = useState<string | null>(null);
  return <ShownContext value={{ slug, show }}>{children}</ShownContext>;
}

/** What a view shows is of this organization: from there, one goes to the other places of it. */
export function useShownOrganization(id: string | undefined): void {
  const { show } = useContext(ShownContext)!;
  const { memberships } = useViewer();
  // Without a name in the URL, it is the first one.
  const slug = memberships.slice(1).find(({ organization }) => organization.id === id)?.organization.slug ?? null;
  useEffect(() => {
    show(slug);
    return () => show(null);
  }, [show, slug]);
}

/** Makes a path to another view about an organization keep the one that is chosen, or of which something is shown. */
export function useOrganizationPath(): (path: string) => string {
  const [search] = useSearchParams();
  const shown = useContext(ShownContext)!;
  const slug = search.get(PARAMETER) ?? shown.slug;
  return useCallback(
    (path) =>
      slug === null ? path : `${path}${path.includes('?') ? '&' : '?'}${PARAMETER}=${encodeURIComponent(slug)}`,
    [slug],
  );
}

/** Chooses it. Nothing where there is no choice. */
export function OrganizationChoice() {
  const [, setSearch] = useSearchParams();
  const { memberships } = useViewer();
  const current = useOrganization();
  if (memberships.length < 2) return null;
  return (
    <SelectField
      label="Organization"
      isLabelHidden
      value={current?.slug}
      options={memberships.map(({ organization: { slug, name } }) => [slug, name] as const)}
      onChoose={(slug) => setSearch({ [PARAMETER]: slug })}
    />
  );
}
