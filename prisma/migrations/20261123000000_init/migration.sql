-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "entity_type" AS ENUM ('app', 'service', 'chat_extension');

-- CreateEnum
CREATE TYPE "deployment_status" AS ENUM ('pending', 'in_progress', 'completed', 'failed', 'cancelled');

-- CreateEnum
CREATE TYPE "phase_status" AS ENUM ('pending', 'in_progress', 'completed', 'failed');

-- CreateEnum
CREATE TYPE "phase_name" AS ENUM ('orchestrate', 'download', 'infra', 'build', 'package', 'migrate', 'service_deploy', 'cache_invalidation');

-- CreateEnum
CREATE TYPE "deployment_trigger" AS ENUM ('manual', 'retry', 'redeploy', 'rollback', 'automatic');

-- CreateEnum
CREATE TYPE "log_stream" AS ENUM ('stdout', 'stderr', 'system');

-- CreateEnum
CREATE TYPE "log_level" AS ENUM ('debug', 'info', 'warn', 'error');

-- CreateEnum
CREATE TYPE "deployment_event_type" AS ENUM ('created', 'status', 'phase', 'cancel_requested', 'take_over', 'switch');

-- CreateEnum
CREATE TYPE "release_wanted" AS ENUM ('running', 'stopped');

-- CreateEnum
CREATE TYPE "release_observed" AS ENUM ('pending', 'starting', 'healthy', 'unhealthy', 'stopped');

-- CreateTable
CREATE TABLE "organizations" (
    "id" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "organizations_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "users" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "users_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "roles" (
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "scopes" TEXT[],

    CONSTRAINT "roles_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "memberships" (
    "organization_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "role_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "memberships_pkey" PRIMARY KEY ("organization_id","user_id")
);

-- CreateTable
CREATE TABLE "api_tokens" (
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "token_hash" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_tokens_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "entities" (
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "slug" TEXT NOT NULL,
    "type" "entity_type" NOT NULL DEFAULT 'app',
    "active_version_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "entities_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "entity_publishers" (
    "entity_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,

    CONSTRAINT "entity_publishers_pkey" PRIMARY KEY ("entity_id","user_id")
);

-- CreateTable
CREATE TABLE "versions" (
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "entity_id" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "source_hash" TEXT NOT NULL,
    "base_version_id" TEXT,
    "package_key" TEXT NOT NULL,
    "package_bytes" BIGINT NOT NULL,
    "package_sha256" TEXT NOT NULL,
    "package_json" JSONB,
    "created_by_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "versions_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "uploads" (
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "entity_id" TEXT NOT NULL,
    "version" TEXT NOT NULL,
    "source_hash" TEXT NOT NULL,
    "base_version_id" TEXT,
    "secret_hash" TEXT NOT NULL,
    "storage_path" TEXT NOT NULL,
    "created_by_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "received_key" TEXT,
    "received_bytes" BIGINT,
    "received_sha256" TEXT,
    "version_id" TEXT,

    CONSTRAINT "uploads_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "production_apps" (
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "entity_id" TEXT NOT NULL,
    "subdomain" TEXT NOT NULL,
    "deployment_count" INTEGER NOT NULL DEFAULT 0,
    "live_release_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deleted_at" TIMESTAMPTZ(3),

    CONSTRAINT "production_apps_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "deployments" (
    "id" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "production_app_id" TEXT NOT NULL,
    "version_id" TEXT NOT NULL,
    "number" INTEGER NOT NULL,
    "status" "deployment_status" NOT NULL DEFAULT 'pending',
    "state_version" INTEGER NOT NULL DEFAULT 1,
    "run" INTEGER NOT NULL DEFAULT 0,
    "last_seq" INTEGER NOT NULL DEFAULT 0,
    "worker_id" TEXT,
    "trigger" "deployment_trigger" NOT NULL DEFAULT 'manual',
    "triggered_by_id" TEXT,
    "reason" TEXT,
    "source_id" TEXT,
    "error_message" TEXT,
    "failure" JSONB,
    "cancel_requested_at" TIMESTAMPTZ(3),
    "cancel_requested_by_id" TEXT,
    "cancel_reason" TEXT,
    "cancel_forced" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "deployments_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "deployment_phases" (
    "deployment_id" TEXT NOT NULL,
    "name" "phase_name" NOT NULL,
    "status" "phase_status" NOT NULL DEFAULT 'pending',
    "attempt" INTEGER NOT NULL DEFAULT 1,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "skip_reason" TEXT,
    "error_message" TEXT,
    "outputs" JSONB,

    CONSTRAINT "deployment_phases_pkey" PRIMARY KEY ("deployment_id","name")
);

-- CreateTable
CREATE TABLE "deployment_events" (
    "deployment_id" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "type" "deployment_event_type" NOT NULL,
    "phase" "phase_name",
    "phase_status" "phase_status",
    "status" "deployment_status",
    "message" TEXT,

    CONSTRAINT "deployment_events_pkey" PRIMARY KEY ("deployment_id","seq")
);

-- CreateTable
CREATE TABLE "log_lines" (
    "deployment_id" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "phase" "phase_name",
    "attempt" INTEGER NOT NULL DEFAULT 1,
    "stream" "log_stream" NOT NULL,
    "level" "log_level" NOT NULL DEFAULT 'info',
    "message" TEXT NOT NULL,
    "truncated" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "log_lines_pkey" PRIMARY KEY ("deployment_id","seq")
);

-- CreateTable
CREATE TABLE "releases" (
    "id" TEXT NOT NULL,
    "production_app_id" TEXT NOT NULL,
    "deployment_id" TEXT NOT NULL,
    "host_id" TEXT,
    "spec" JSONB NOT NULL,
    "wanted" "release_wanted" NOT NULL DEFAULT 'running',
    "observed" "release_observed" NOT NULL DEFAULT 'pending',
    "problem" JSONB,
    "replaces_id" TEXT,
    "port" INTEGER,
    "pid" INTEGER,
    "pid_started_at" TEXT,
    "routed_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "releases_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "hosts" (
    "id" TEXT NOT NULL,
    "gateway_url" TEXT NOT NULL,
    "purge_secret" TEXT NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "hosts_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "applied_migrations" (
    "production_app_id" TEXT NOT NULL,
    "artifact_sha256" TEXT NOT NULL,
    "deployment_id" TEXT NOT NULL,
    "applied_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "applied_migrations_pkey" PRIMARY KEY ("production_app_id","artifact_sha256")
);

-- CreateTable
CREATE TABLE "idempotency_keys" (
    "user_id" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "fingerprint" TEXT NOT NULL,
    "object_id" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("user_id","key")
);

-- CreateIndex
CREATE UNIQUE INDEX "organizations_slug_key" ON "organizations"("slug");

-- CreateIndex
CREATE UNIQUE INDEX "users_email_key" ON "users"("email");

-- CreateIndex
CREATE UNIQUE INDEX "roles_organization_id_name_key" ON "roles"("organization_id", "name");

-- CreateIndex
CREATE INDEX "memberships_user_id_idx" ON "memberships"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "api_tokens_token_hash_key" ON "api_tokens"("token_hash");

-- CreateIndex
CREATE UNIQUE INDEX "entities_active_version_id_key" ON "entities"("active_version_id");

-- CreateIndex
CREATE UNIQUE INDEX "entities_organization_id_slug_key" ON "entities"("organization_id", "slug");

-- CreateIndex
CREATE INDEX "versions_entity_id_source_hash_idx" ON "versions"("entity_id", "source_hash");

-- CreateIndex
CREATE INDEX "versions_entity_id_id_idx" ON "versions"("entity_id", "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "versions_entity_id_version_key" ON "versions"("entity_id", "version");

-- CreateIndex
CREATE UNIQUE INDEX "uploads_storage_path_key" ON "uploads"("storage_path");

-- CreateIndex
CREATE UNIQUE INDEX "production_apps_subdomain_key" ON "production_apps"("subdomain");

-- CreateIndex
CREATE UNIQUE INDEX "production_apps_live_release_id_key" ON "production_apps"("live_release_id");

-- CreateIndex
CREATE INDEX "production_apps_organization_id_id_idx" ON "production_apps"("organization_id", "id" DESC);

-- CreateIndex
CREATE INDEX "production_apps_entity_id_id_idx" ON "production_apps"("entity_id", "id" DESC);

-- CreateIndex
CREATE INDEX "deployments_organization_id_id_idx" ON "deployments"("organization_id", "id" DESC);

-- CreateIndex
CREATE INDEX "deployments_production_app_id_id_idx" ON "deployments"("production_app_id", "id" DESC);

-- CreateIndex
CREATE INDEX "deployments_organization_id_status_id_idx" ON "deployments"("organization_id", "status", "id" DESC);

-- CreateIndex
CREATE INDEX "deployments_production_app_id_status_id_idx" ON "deployments"("production_app_id", "status", "id" DESC);

-- CreateIndex
CREATE UNIQUE INDEX "deployments_production_app_id_number_key" ON "deployments"("production_app_id", "number");

-- CreateIndex
CREATE UNIQUE INDEX "releases_deployment_id_key" ON "releases"("deployment_id");

-- CreateIndex
CREATE INDEX "releases_wanted_observed_idx" ON "releases"("wanted", "observed");

-- CreateIndex
CREATE INDEX "releases_production_app_id_idx" ON "releases"("production_app_id");

-- AddForeignKey
ALTER TABLE "roles" ADD CONSTRAINT "roles_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "memberships" ADD CONSTRAINT "memberships_role_id_fkey" FOREIGN KEY ("role_id") REFERENCES "roles"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_tokens" ADD CONSTRAINT "api_tokens_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "entities" ADD CONSTRAINT "entities_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "entities" ADD CONSTRAINT "entities_active_version_id_fkey" FOREIGN KEY ("active_version_id") REFERENCES "versions"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "entity_publishers" ADD CONSTRAINT "entity_publishers_entity_id_fkey" FOREIGN KEY ("entity_id") REFERENCES "entities"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "entity_publishers" ADD CONSTRAINT "entity_publishers_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "versions" ADD CONSTRAINT "versions_entity_id_fkey" FOREIGN KEY ("entity_id") REFERENCES "entities"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "versions" ADD CONSTRAINT "versions_base_version_id_fkey" FOREIGN KEY ("base_version_id") REFERENCES "versions"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "versions" ADD CONSTRAINT "versions_created_by_id_fkey" FOREIGN KEY ("created_by_id") REFERENCES "users"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "production_apps" ADD CONSTRAINT "production_apps_organization_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "production_apps" ADD CONSTRAINT "production_apps_entity_id_fkey" FOREIGN KEY ("entity_id") REFERENCES "entities"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "production_apps" ADD CONSTRAINT "production_apps_live_release_id_fkey" FOREIGN KEY ("live_release_id") REFERENCES "releases"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_production_app_id_fkey" FOREIGN KEY ("production_app_id") REFERENCES "production_apps"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_version_id_fkey" FOREIGN KEY ("version_id") REFERENCES "versions"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_triggered_by_id_fkey" FOREIGN KEY ("triggered_by_id") REFERENCES "users"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_cancel_requested_by_id_fkey" FOREIGN KEY ("cancel_requested_by_id") REFERENCES "users"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_source_id_fkey" FOREIGN KEY ("source_id") REFERENCES "deployments"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deployment_phases" ADD CONSTRAINT "deployment_phases_deployment_id_fkey" FOREIGN KEY ("deployment_id") REFERENCES "deployments"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deployment_events" ADD CONSTRAINT "deployment_events_deployment_id_fkey" FOREIGN KEY ("deployment_id") REFERENCES "deployments"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "releases" ADD CONSTRAINT "releases_production_app_id_fkey" FOREIGN KEY ("production_app_id") REFERENCES "production_apps"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "releases" ADD CONSTRAINT "releases_deployment_id_fkey" FOREIGN KEY ("deployment_id") REFERENCES "deployments"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "releases" ADD CONSTRAINT "releases_host_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE SET NULL ON UPDATE CASCADE;



-- The last line of defence, whatever the code does: at most one deployment of a production app is in progress.
CREATE UNIQUE INDEX "deployments_one_in_progress_key" ON "deployments"("production_app_id") WHERE "status" = 'in_progress';

-- The runner's question: the oldest open deployment of an app.
CREATE INDEX "deployments_open_idx" ON "deployments"("production_app_id", "number") WHERE "status" IN ('pending', 'in_progress');
