-- Add users
--
-- revision: a1

-- migrate:up
CREATE TABLE users (id INTEGER PRIMARY KEY);

-- migrate:up sqlite no-transaction foreign-keys=off
CREATE TABLE users (id INTEGER PRIMARY KEY);

-- migrate:down sqlite
PRAGMA foreign_keys = OFF;
DROP TABLE users;
