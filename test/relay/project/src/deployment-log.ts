import { graphql } from './graphql.ts';

export const screen = graphql`
  query deploymentLogQuery($id: ID!) {
    node(id: $id) {
      ...deploymentRow_deployment @alias(as: "row")
      ...deploymentLog_deployment @alias(as: "log")
    }
  }
`;

/** Pages in both directions: the log opens at its end. */
export const log = graphql`
  fragment deploymentLog_deployment on Deployment
  @argumentDefinitions(
    filter: { type: "DeploymentLogFilter" }
    first: { type: "Int" }
    after: { type: "String" }
    last: { type: "Int", defaultValue: 100 }
    before: { type: "String" }
  )
  @refetchable(queryName: "deploymentLogPageQuery") {
    logs(filter: $filter, first: $first, after: $after, last: $last, before: $before)
      @connection(key: "deploymentLog_logs", filters: ["filter"]) {
      edges {
        node {
          seq
          ...deploymentLogLine_line
        }
      }
    }
  }
`;

export const line = graphql`
  fragment deploymentLogLine_line on LogLine {
    at
    phase
    stream
    level
    message
  }
`;

export const lines = graphql`
  subscription deploymentLogLinesSubscription($id: ID!, $after: String) {
    deploymentLogs(deploymentId: $id, after: $after) {
      ... on DeploymentLogBatch {
        cursor
        lines {
          seq
          ...deploymentLogLine_line
        }
      }
      ... on DeploymentLogEnd {
        status
        lineCount
      }
    }
  }
`;

export const state = graphql`
  subscription deploymentLogStateSubscription($id: ID!) {
    deploymentUpdated(deploymentId: $id) {
      ...deploymentRow_deployment
    }
  }
`;
