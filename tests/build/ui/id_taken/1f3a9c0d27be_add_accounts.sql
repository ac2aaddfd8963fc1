-- Add accounts
--
-- revision: 1f3a9c0d27be

-- migrate:up
CREATE TABLE accounts (id INTEGER PRIMARY KEY);
