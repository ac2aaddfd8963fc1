-- Add emails
--
-- revision: 8be61d0cc541
-- revises: c0ffee123456

-- migrate:up
CREATE TABLE emails (id INTEGER PRIMARY KEY);
