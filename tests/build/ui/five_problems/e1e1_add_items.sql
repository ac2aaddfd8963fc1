-- Add items
--
-- revision: e1e1
-- revises: 8be61d0cc541

-- migrate:up
BEGIN;
CREATE TABLE items (id INTEGER);
COMMIT;
