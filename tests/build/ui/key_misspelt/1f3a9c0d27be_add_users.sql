-- Add users
--
-- revision: 1f3a9c0d27be
-- depend-on: x
-- Revises: none
-- lables: a

-- migrate:up
CREATE TABLE users (id INTEGER PRIMARY KEY);
