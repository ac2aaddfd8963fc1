-- Begin and commit transactions of its own
--
-- revision: h06
-- revises: h05

-- migrate:up no-transaction
CREATE TABLE six (id INTEGER NOT NULL PRIMARY KEY);
BEGIN;
UPDATE counters SET n = n + 7;
INSERT INTO six (id) VALUES (1);
COMMIT;
UPDATE counters SET n = n * 2;
BEGIN;
INSERT INTO log (what) VALUES ('six');
UPDATE counters SET n = n + 1;
COMMIT;

-- migrate:down no-transaction
BEGIN;
DELETE FROM log WHERE what = 'six';
UPDATE counters SET n = n - 1;
COMMIT;
UPDATE counters SET n = n / 2;
UPDATE counters SET n = n - 7;
DROP TABLE six;
