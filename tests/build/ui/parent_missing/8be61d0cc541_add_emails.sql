-- Add emails
--
-- revision: 8be61d0cc541
-- revises: 4444deadbeef

-- migrate:up
CREATE TABLE emails (id INTEGER PRIMARY KEY);
