-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up postgres mysql
CREATE TABLE users (id INTEGER);

-- migrate:up sqlite
CREATE TRIGGER t AFTER INSERT ON users BEGIN
  UPDATE users SET id = 1;
