-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up sqlite
.read users.sql
CREATE TABLE users (id INTEGER);

-- migrate:up postgres
\i users.sql
CREATE TABLE users (id INTEGER);

-- migrate:up mysql
source users.sql
CREATE TABLE users (id INTEGER);
