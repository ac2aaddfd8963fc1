-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up now
CREATE TABLE users (id INTEGER);
