-- Rebuild a table to which others refer
--
-- revision: h12
-- revises: h11

-- migrate:up sqlite foreign-keys=off
CREATE TABLE children (id INTEGER PRIMARY KEY, counter INTEGER NOT NULL REFERENCES counters (id) ON DELETE CASCADE);
INSERT INTO children (id, counter) VALUES (1, 1), (2, 2);
CREATE TABLE counters_new (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL, name TEXT NOT NULL DEFAULT 'counter');
INSERT INTO counters_new (id, n) SELECT id, n + 12 FROM counters;
DROP TABLE counters;
ALTER TABLE counters_new RENAME TO counters;

-- migrate:up postgres
ALTER TABLE counters ADD COLUMN name TEXT NOT NULL DEFAULT 'counter';
ALTER TABLE counters ALTER COLUMN n TYPE BIGINT USING n + 12;

-- migrate:up mysql
ALTER TABLE counters ADD COLUMN name VARCHAR(20) NOT NULL DEFAULT 'counter', MODIFY COLUMN n BIGINT NOT NULL;
UPDATE counters SET n = n + 12;

-- migrate:down sqlite foreign-keys=off
CREATE TABLE counters_new (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL);
INSERT INTO counters_new (id, n) SELECT id, n - 12 FROM counters;
DROP TABLE counters;
ALTER TABLE counters_new RENAME TO counters;
DROP TABLE children;

-- migrate:down postgres
ALTER TABLE counters ALTER COLUMN n TYPE INTEGER USING n - 12;
ALTER TABLE counters DROP COLUMN name;

-- migrate:down mysql
UPDATE counters SET n = n - 12;
ALTER TABLE counters DROP COLUMN name, MODIFY COLUMN n INTEGER NOT NULL;
