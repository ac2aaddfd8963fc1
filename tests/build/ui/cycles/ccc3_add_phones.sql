-- Add phones
--
-- revision: ccc3
-- revises: bbb2

-- migrate:up
CREATE TABLE phones (id INTEGER PRIMARY KEY);
