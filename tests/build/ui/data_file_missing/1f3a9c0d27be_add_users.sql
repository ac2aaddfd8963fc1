-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up
CREATE TABLE users (id INTEGER PRIMARY KEY);
