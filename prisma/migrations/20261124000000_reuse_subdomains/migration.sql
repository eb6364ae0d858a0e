-- A deleted app keeps its name for the history; somebody else may take it. Prisma's schema cannot say this.
DROP INDEX "production_apps_subdomain_key";
CREATE UNIQUE INDEX "production_apps_subdomain_key" ON "production_apps"("subdomain") WHERE "deleted_at" IS NULL;
