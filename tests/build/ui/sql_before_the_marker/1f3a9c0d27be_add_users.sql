-- Add users
--
-- revision: 1f3a9c0d27be

  CREATE TABLE users (id INTEGER);

-- migrate:up
CREATE TABLE emails (id INTEGER);
