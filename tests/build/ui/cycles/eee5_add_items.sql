-- Add items
--
-- revision: eee5
-- revises: ddd4

-- migrate:up
CREATE TABLE items (id INTEGER PRIMARY KEY);
