-- Rename users.display_name to full_name
--
-- The names stay; a binary that still asks for the old column cannot run on this schema.
--
-- revision: 540dea43d6c5
-- revises: 75fd8ae92867
-- created: 2026-05-11T07:55:49Z
-- compatible: no

-- migrate:up
ALTER TABLE users RENAME COLUMN display_name TO full_name;

-- migrate:down
ALTER TABLE users RENAME COLUMN full_name TO display_name;
