import { useState } from 'react';
import { PageRevokeTokenDocument, PageTokensDocument, type PageTokenFragment } from '../../generated/gql/graphql.ts';
import { useAction, useData } from '../api/hooks.ts';
import { Button } from '../elements/button.tsx';
import { Confirmation } from '../elements/confirmation.tsx';
import { Pages, type PageOfList } from '../elements/pages.tsx';
import { PageHead, Panel } from '../elements/panel.tsx';
import { Empty, Failed, Loading } from '../elements/states.tsx';
import { Badge, TOKEN_LOOK } from '../elements/status.tsx';
import { RowActions, Table, TwoLines, type Column } from '../elements/table.tsx';
import { Age, Until, useNow } from '../elements/time.tsx';
import { signOut } from '../session/session.ts';
import { NewToken } from './new-token.tsx';
import { allowanceText, mayMakeTokens, tokenState } from './token.ts';
import classes from './tokens-view.module.css';

/** What the viewer signs in with, here and elsewhere. */
export function TokensView() {
  const { data } = useData(PageTokensDocument, { after: null });
  const [isMaking, setIsMaking] = useState(false);
  const mayMake = mayMakeTokens(data?.viewer.token);
  return (
    <>
      <PageHead
        title="Tokens"
        about="What you, your scripts and your CI sign in with. Each allows at most what your roles do."
        actions={
          mayMake && (
            <Button look="primary" onClick={() => setIsMaking(true)}>
              New token
            </Button>
          )
        }
      />
      {data && !mayMake && (
        <p className={classes['note']}>
          You are signed in with less than all you may, so you see this token alone, and can make no other one here.
        </p>
      )}
      <Panel>
        <Pages page={TokenPage} props={{}} />
      </Panel>
      {isMaking && <NewToken onClose={() => setIsMaking(false)} />}
    </>
  );
}

function TokenPage({ after, more }: PageOfList) {
  const { data, error, reload } = useData(PageTokensDocument, { after });
  const [revoking, setRevoking] = useState<PageTokenFragment | null>(null);
  if (!data) return error ? <Failed error={error} onRetry={reload} /> : <Loading />;
  const { token: current, tokens } = data.viewer;
  if (tokens.nodes.length === 0) return <Empty title="No tokens">You signed in elsewhere.</Empty>;
  const columns: readonly Column<PageTokenFragment>[] = [
    {
      name: 'Token',
      cell: (token) => (
        <TwoLines
          first={
            <>
              {token.name}
              {token.id === current?.id && <span className={classes['current']}>in use now</span>}
            </>
          }
          second={allowanceText(token)}
        />
      ),
    },
    { name: 'State', cell: (token) => <State token={token} /> },
    { name: 'Made', isExtra: true, cell: ({ createdAt }) => <Age at={createdAt} /> },
    {
      name: 'Actions',
      align: 'end',
      cell: (token) =>
        token.revokedAt == null && (
          <RowActions>
            <Button look="quiet" aria-label={`Revoke ${token.name}`} onClick={() => setRevoking(token)}>
              Revoke
            </Button>
          </RowActions>
        ),
    },
  ];
  return (
    <>
      <Table caption="Tokens" columns={columns} rows={tokens.nodes} keyOf={({ id }) => id} />
      {more(tokens.pageInfo)}
      {revoking && (
        <Revocation
          key={revoking.id}
          token={revoking}
          isCurrent={revoking.id === current?.id}
          onClose={() => setRevoking(null)}
        />
      )}
    </>
  );
}

function State({ token }: { token: PageTokenFragment }) {
  const state = tokenState(token, useNow());
  const { expiresAt, revokedAt } = token;
  return (
    <TwoLines
      first={<Badge look={TOKEN_LOOK[state]} />}
      second={
        <>
          {revokedAt != null && <Age at={revokedAt} />}
          {revokedAt == null && expiresAt == null && 'Never expires'}
          {revokedAt == null && expiresAt != null && (
            <>
              {state === 'active' && 'Expires '}
              <Until at={expiresAt} />
            </>
          )}
        </>
      }
    />
  );
}

interface RevocationProps {
  token: PageTokenFragment;
  isCurrent: boolean;
  onClose: () => void;
}

function Revocation({ token: { id, name }, isCurrent, onClose }: RevocationProps) {
  const { run, isRunning, error } = useAction(PageRevokeTokenDocument);
  async function revoke() {
    if (!(await run({ input: { tokenId: id } }))) return;
    if (isCurrent) signOut('You revoked the token that you were signed in with.');
    else onClose();
  }
  return (
    <Confirmation
      title={`Revoke ${name}?`}
      action={isCurrent ? 'Revoke and sign out' : 'Revoke'}
      isRunning={isRunning}
      error={error}
      onConfirm={() => void revoke()}
      onClose={onClose}
    >
      <p>Whatever uses it is refused at once, and what is open with it ends. This cannot be undone.</p>
      {isCurrent && (
        <p className={classes['warning']}>
          You are signed in with this token: revoking it signs you out. Have another one ready.
        </p>
      )}
    </Confirmation>
  );
}
