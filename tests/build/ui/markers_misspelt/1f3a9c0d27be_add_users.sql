-- Add users
--
-- revision: 1f3a9c0d27be

--migrate:up
CREATE TABLE a (id INTEGER);
-- migrate: up
CREATE TABLE b (id INTEGER);
-- MIGRATE:UP
CREATE TABLE c (id INTEGER);
-- migrat:up
CREATE TABLE d (id INTEGER);
-- migrate:upsqlite
CREATE TABLE e (id INTEGER);
-- migrate:up:sqlite
CREATE TABLE f (id INTEGER);
  -- migrate : down
DROP TABLE a;
-- migration:down
DROP TABLE b;
-- migrate;down
DROP TABLE c;
-- migrate_down
DROP TABLE d;
/* migrate:down */
DROP TABLE e;
# migrate:down
DROP TABLE f;
migrate:down
DROP TABLE g;
