-- Add emails
--
-- revision: bbb2
-- revises: aaa1

-- migrate:up
CREATE TABLE emails (id INTEGER PRIMARY KEY);
