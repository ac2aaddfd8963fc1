-- Add items
--
-- revision: ccc3
-- revises: ccc2

-- migrate:up
CREATE TABLE items (id INTEGER PRIMARY KEY);
