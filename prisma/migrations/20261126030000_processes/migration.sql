-- The processes of this installation, each of which says again and again that it lives. No foreign key to hosts: a
-- process may outlive what it says.
CREATE TABLE "processes" (
    "id" TEXT NOT NULL,
    "roles" TEXT[] NOT NULL,
    "version" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "seen_at" TIMESTAMPTZ(3) NOT NULL,
    "is_bus_connected" BOOLEAN NOT NULL,
    "slots" INTEGER,
    "is_sandboxed" BOOLEAN,
    "host_id" TEXT,
    CONSTRAINT "processes_pkey" PRIMARY KEY ("id")
);
