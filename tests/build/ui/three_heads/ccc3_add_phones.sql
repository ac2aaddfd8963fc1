-- Add phones
--
-- revision: ccc3

-- migrate:up
CREATE TABLE phones (id INTEGER PRIMARY KEY);
