-- revision: c
-- revises: a b
-- migrate:up
SELECT 1;
