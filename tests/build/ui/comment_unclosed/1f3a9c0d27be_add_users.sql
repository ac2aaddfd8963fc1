-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up
CREATE TABLE users (name TEXT);
/* and so on
CREATE TABLE emails (id INTEGER);
