/**
 * What a newcomer wants to try, in the order in which it makes sense. One tab, because each tab has headers of its own
 * and the token would have to go into each.
 */
const SAMPLES = `# 1. Paste your token below, after "Bearer ".
# 2. Press play and choose an operation.
# 3. Put the ids you get into "Variables".

query Apps {
  productionApps(first: 10) {
    nodes {
      id
      subdomain
      url
      health
      liveDeployment { id number }
    }
  }
}

# Ships the active version.
mutation Trigger($app: ID!) {
  triggerDeployment(
    input: { productionAppId: $app, reason: "From GraphiQL" }
  ) {
    deployment { id number status }
  }
}

# The phases, live.
subscription Follow($deployment: ID!) {
  deploymentUpdated(deploymentId: $deployment) {
    status
    errorMessage
    phases { name status durationMs }
  }
}

# Every log line: what is stored, what comes, the end.
subscription Logs($deployment: ID!) {
  deploymentLogs(deploymentId: $deployment) {
    __typename
    ... on DeploymentLogBatch {
      cursor
      lines { seq phase stream message }
    }
    ... on DeploymentLogEnd { status lineCount }
  }
}

query List {
  deployments(first: 10) {
    totalCount
    nodes {
      id
      number
      status
      isLive
      durationMs
      errorMessage
      phases { name status durationMs }
    }
    pageInfo { hasNextPage endCursor }
  }
}

mutation Cancel($deployment: ID!) {
  cancelDeployment(
    input: { deploymentId: $deployment, reason: "From GraphiQL" }
  ) {
    deployment { id status cancellation { willStopAt } }
  }
}
`;

/** GraphiQL as one page that asks no other host for anything. */
export async function makeGraphiQLPage(): Promise<string> {
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql');
  return renderGraphiQL({
    title: 'Windlass GraphiQL',
    endpoint: '/graphql',
    // Sockets cannot carry what is typed into "Headers"; server-sent events can.
    subscriptionsProtocol: 'SSE',
    headers: JSON.stringify({ authorization: 'Bearer ' }, null, 2),
    defaultEditorToolsVisibility: 'headers',
    defaultTabs: [
      {
        query: SAMPLES,
        variables: JSON.stringify({ app: 'app_…', deployment: 'dep_…' }, null, 2),
      },
    ],
    shouldPersistHeaders: false,
  });
}
