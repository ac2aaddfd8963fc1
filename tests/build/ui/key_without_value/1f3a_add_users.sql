-- Add users
--
-- revision:
-- revises:
-- labels:

-- migrate:up
CREATE TABLE users (id INTEGER);
