-- revision: head
-- migrate:up
SELECT 1;
