-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up sqlite postgres
CREATE TABLE users (id INTEGER);

-- migrate:up mysql
LOCK TABLES users WRITE;
UNLOCK TABLES;
