-- Add emails
--
-- revision: bbb2
-- revises: ccc3

-- migrate:up
CREATE TABLE emails (id INTEGER PRIMARY KEY);
