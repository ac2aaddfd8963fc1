-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up sqlite postgres sqlite
CREATE TABLE users (id INTEGER);
