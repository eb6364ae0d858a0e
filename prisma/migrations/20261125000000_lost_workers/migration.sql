-- How many workers died with a deployment in their hands. An orderly hand-over does not count.
ALTER TABLE "deployments" ADD COLUMN "lost_workers" INTEGER NOT NULL DEFAULT 0;
