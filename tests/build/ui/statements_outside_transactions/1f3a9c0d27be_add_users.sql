-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up sqlite
VACUUM;
VACUUM INTO 'foreign_keys.db';
PRAGMA foreign_keys = ON;
PRAGMA main.foreign_keys(off);

-- migrate:up postgres
CREATE UNIQUE INDEX CONCURRENTLY users_by_name
    ON users (name);
CREATE INDEX CONCURRENTLY foreign_keys_idx ON audit (id);
VACUUM users;
ALTER SYSTEM SET work_mem = '8MB';
CREATE DATABASE reports;

-- migrate:up mysql
CREATE TABLE users (id INTEGER);
