-- Add phones
--
-- revision: bbb3
-- revises: bbb2

-- migrate:up
CREATE TABLE phones (id INTEGER PRIMARY KEY);
