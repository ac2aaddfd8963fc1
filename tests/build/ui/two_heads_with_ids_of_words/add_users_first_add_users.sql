-- Add users
--
-- revision: add_users_first

-- migrate:up
CREATE TABLE users (id INTEGER PRIMARY KEY);
