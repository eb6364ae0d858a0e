-- AlterEnum
ALTER TYPE "deployment_event_type" ADD VALUE 'release';
