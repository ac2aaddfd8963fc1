-- Not to be undone
-- revision: abc
-- migrate:up
INSERT INTO a VALUES (1);
-- migrate:down irreversible
