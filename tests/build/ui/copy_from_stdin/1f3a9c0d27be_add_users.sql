-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up sqlite mysql
CREATE TABLE users (id INTEGER, name TEXT);

-- migrate:up postgres
CREATE TABLE users (id INTEGER, name TEXT);
COPY users (id, name) FROM STDIN;
1	Ada
2	Grace
\.
CREATE INDEX users_by_name ON users (name);
