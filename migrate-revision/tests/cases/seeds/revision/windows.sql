-- Of another system
-- revision: abc
-- migrate:up
SELECT 1;
-- migrate:down
SELECT 2;
