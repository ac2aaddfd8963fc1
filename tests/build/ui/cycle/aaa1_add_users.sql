-- Add users
--
-- revision: aaa1
-- revises: ccc3

-- migrate:up
CREATE TABLE users (id INTEGER PRIMARY KEY);
