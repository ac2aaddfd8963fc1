-- Change rows statement by statement
--
-- revision: h03
-- revises: h02

-- migrate:up no-transaction
UPDATE counters SET n = n + 5;
INSERT INTO log (what) VALUES ('three');
CREATE TABLE parts (id INTEGER NOT NULL PRIMARY KEY, counter INTEGER NOT NULL, name VARCHAR(40));
INSERT INTO parts (id, counter, name) SELECT id, id, 'part' FROM counters;
INSERT INTO parts (id, counter, name) SELECT id + 10, id, 'part' FROM counters;
UPDATE counters SET n = n * 2;
INSERT INTO log (what) VALUES ('three'), ('three');

-- migrate:down no-transaction
DELETE FROM log WHERE what = 'three';
UPDATE counters SET n = n / 2;
DROP TABLE parts;
UPDATE counters SET n = n - 5;
