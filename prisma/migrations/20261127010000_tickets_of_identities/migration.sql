-- AlterTable
ALTER TABLE "stream_tickets"
    ALTER COLUMN "token_id" DROP NOT NULL,
    ADD COLUMN "user_id" TEXT,
    ADD COLUMN "scopes" JSONB,
    ADD COLUMN "app_ids" JSONB,
    ADD COLUMN "identity_expires_at" TIMESTAMPTZ(3);

-- A ticket is of an API token, or of whoever an identity token is of.
ALTER TABLE "stream_tickets" ADD CONSTRAINT "stream_tickets_one_owner" CHECK (("token_id" IS NULL) <> ("user_id" IS NULL));

-- AddForeignKey
ALTER TABLE "stream_tickets" ADD CONSTRAINT "stream_tickets_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE CASCADE;
