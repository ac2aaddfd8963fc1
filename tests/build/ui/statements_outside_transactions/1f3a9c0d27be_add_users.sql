-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up sqlite
VACUUM;

-- migrate:up postgres
CREATE UNIQUE INDEX CONCURRENTLY users_by_name
    ON users (name);
VACUUM users;
ALTER SYSTEM SET work_mem = '8MB';
CREATE DATABASE reports;

-- migrate:up mysql
CREATE TABLE users (id INTEGER);
