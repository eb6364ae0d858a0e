import { createContext, use, useState, type ReactNode } from 'react';
import { useUnsaved } from '../elements/unsaved.ts';
import type { EnvironmentDraft } from './environment-draft.ts';

type Drafts = Readonly<Record<string, EnvironmentDraft>>;

const DraftsContext = createContext<{ drafts: Drafts; keep: (appId: string, draft: EnvironmentDraft) => void }>({
  drafts: {},
  keep: () => {},
});

/** What is changed and not saved yet, of each app: it outlives a look at other views, and ends with the session. */
export function DraftsProvider({ children }: { children: ReactNode }) {
  const [drafts, setDrafts] = useState<Drafts>({});
  useUnsaved(Object.values(drafts).some((draft) => draft.length > 0));
  const keep = (appId: string, draft: EnvironmentDraft) => setDrafts((kept) => ({ ...kept, [appId]: draft }));
  return <DraftsContext value={{ drafts, keep }}>{children}</DraftsContext>;
}

const NOTHING: EnvironmentDraft = [];

export function useDraft(appId: string): [draft: EnvironmentDraft, keep: (draft: EnvironmentDraft) => void] {
  const { drafts, keep } = use(DraftsContext);
  return [drafts[appId] ?? NOTHING, (draft) => keep(appId, draft)];
}
