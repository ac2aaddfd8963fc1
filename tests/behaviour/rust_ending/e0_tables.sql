-- Make a table
-- revision: e0
-- revises:

-- migrate:up
CREATE TABLE t (n INTEGER);
