-- revision: a-b
-- migrate:up
SELECT 1;
