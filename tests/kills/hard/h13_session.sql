-- Lean on what was set in the session
--
-- revision: h13
-- revises: h12

-- migrate:up sqlite no-transaction
PRAGMA recursive_triggers = ON;
CREATE TABLE thirteen (n INTEGER);
INSERT INTO thirteen (n) VALUES (13);
UPDATE counters SET n = n + 13;

-- migrate:up postgres no-transaction
CREATE SCHEMA other;
SET search_path = other, public;
CREATE TABLE thirteen (n INTEGER);
INSERT INTO thirteen (n) VALUES (13);
UPDATE counters SET n = n + 13;

-- migrate:up mysql no-transaction
SET sql_mode = 'ANSI_QUOTES';
CREATE TABLE "thirteen" ("n" INTEGER);
INSERT INTO "thirteen" ("n") VALUES (13);
UPDATE counters SET n = n + 13;

-- migrate:down sqlite
UPDATE counters SET n = n - 13;
DROP TABLE thirteen;

-- migrate:down postgres
UPDATE counters SET n = n - 13;
DROP TABLE other.thirteen;
DROP SCHEMA other;

-- migrate:down mysql
UPDATE counters SET n = n - 13;
DROP TABLE thirteen;
