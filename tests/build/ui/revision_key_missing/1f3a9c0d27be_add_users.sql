-- Add users

-- migrate:up
CREATE TABLE users (id INTEGER);
