-- Add users
--
-- revision: a1

-- migrate:up
CREATE TABLE users (id INTEGER PRIMARY KEY);
