-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up
CREATE TABLE users (id INTEGER);

-- migrate:up postgres foreign-keys=off
CREATE TABLE users (id INTEGER);
