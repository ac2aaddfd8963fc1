-- Add posts
--
-- revision: a2
-- revises: a1

-- migrate:up
CREATE TABLE posts (id INTEGER PRIMARY KEY);
