import { Code } from 'lucide-react';
import { useState } from 'react';
import type { PageDeploymentStateFragment } from '../../generated/gql/graphql.ts';
import { Button } from '../elements/button.tsx';
import { Command } from '../elements/command.tsx';
import { Dialog } from '../elements/dialog.tsx';
import { lookRecipes, type Recipes, type RecipeSubject } from './recipes.ts';
import classes from './copy-as.module.css';

/** Opens the ways to read this deployment without the page. */
export function CopyAs({ deployment }: { deployment: PageDeploymentStateFragment }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <Button look="quiet" aria-haspopup="dialog" onClick={() => setIsOpen(true)}>
        <Code aria-hidden="true" />
        Copy as
      </Button>
      {isOpen && (
        <Dialog title="Copy as GraphQL, curl or CLI" onClose={() => setIsOpen(false)}>
          <RecipeList recipes={lookRecipes(recipeSubjectOf(deployment))} />
        </Dialog>
      )}
    </>
  );
}

export function recipeSubjectOf({ id, productionApp }: PageDeploymentStateFragment): RecipeSubject {
  return { url: location.origin, deploymentId: id, subdomain: productionApp.subdomain };
}

export function RecipeList({ recipes: { graphql, variables, curl, cli } }: { recipes: Recipes }) {
  return (
    <div className={classes['recipes']}>
      <h3>GraphQL</h3>
      <Command text={graphql} label="Copy the GraphQL" />
      <Command text={variables} label="Copy the variables" />
      <h3>curl</h3>
      <Command text={curl} label="Copy the curl command" />
      <h3>Command line</h3>
      <Command text={cli} label="Copy the windlass command" />
      <p>
        <code>$WINDLASS_TOKEN</code> stands for your token.
      </p>
    </div>
  );
}
