import { graphql } from './graphql.ts';

export const screen = graphql`
  query productionAppQuery($subdomain: String!) {
    productionApp(subdomain: $subdomain) {
      ...productionApp_app
    }
  }
`;

export const app = graphql`
  fragment productionApp_app on ProductionApp
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" })
  @refetchable(queryName: "productionAppPageQuery") {
    subdomain
    url
    health
    entity {
      name
    }
    deployments(first: $first, after: $after) @connection(key: "productionApp_deployments") {
      __id
      edges {
        node {
          ...deploymentRow_deployment
        }
      }
    }
  }
`;

export const deploy = graphql`
  mutation productionAppDeployMutation($input: TriggerDeploymentInput!, $connections: [ID!]!) {
    triggerDeployment(input: $input) {
      replayed
      deployment @prependNode(connections: $connections, edgeTypeName: "DeploymentEdge") {
        ...deploymentRow_deployment
      }
    }
  }
`;
