import { graphql } from './graphql.ts';

export const screen = graphql`
  query deploymentListQuery($filter: DeploymentFilter) {
    viewer {
      user {
        name
      }
    }
    ...deploymentList_query @arguments(filter: $filter)
  }
`;

export const list = graphql`
  fragment deploymentList_query on Query
  @argumentDefinitions(
    filter: { type: "DeploymentFilter" }
    first: { type: "Int", defaultValue: 20 }
    after: { type: "String" }
  )
  @refetchable(queryName: "deploymentListPageQuery") {
    deployments(filter: $filter, first: $first, after: $after) @connection(key: "deploymentList_deployments") {
      totalCount
      edges {
        node {
          ...deploymentRow_deployment
        }
      }
    }
  }
`;

export const cancel = graphql`
  mutation deploymentListCancelMutation($input: CancelDeploymentInput!) {
    cancelDeployment(input: $input) {
      deployment {
        ...deploymentRow_deployment
      }
    }
  }
`;
