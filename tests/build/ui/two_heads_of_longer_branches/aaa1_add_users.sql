-- Add users
--
-- revision: aaa1

-- migrate:up
CREATE TABLE users (id INTEGER PRIMARY KEY);
