-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up
CREATE TABLE users (name TEXT);
INSERT INTO users VALUES ('Ada);
