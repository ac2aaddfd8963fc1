-- Add accounts
--
-- revision: AAA1
-- revises: aaa1

-- migrate:up
CREATE TABLE accounts (id INTEGER PRIMARY KEY);
