-- Change rows in a transaction
--
-- revision: h02
-- revises: h01

-- migrate:up
UPDATE counters SET n = n + 1 WHERE id = 1;
INSERT INTO log (what) VALUES ('two');
UPDATE counters SET n = n * 3 + 1;
INSERT INTO log (what) SELECT 'two' FROM counters;

-- migrate:down
DELETE FROM log WHERE what = 'two';
UPDATE counters SET n = (n - 1) / 3;
UPDATE counters SET n = n - 1 WHERE id = 1;
