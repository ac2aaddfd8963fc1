-- Add emails
--
-- revision: bbb2
-- revises: bbb2

-- migrate:up
CREATE TABLE emails (id INTEGER PRIMARY KEY);
