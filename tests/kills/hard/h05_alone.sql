-- Run what cannot be in a transaction
--
-- revision: h05
-- revises: h04

-- migrate:up sqlite no-transaction
INSERT INTO log (what) VALUES ('five');
VACUUM;
CREATE INDEX pieces_title ON pieces (title);
UPDATE counters SET n = n + 100;

-- migrate:up postgres no-transaction
CREATE INDEX CONCURRENTLY pieces_title ON pieces (title);
CREATE UNIQUE INDEX CONCURRENTLY pieces_title_id ON pieces (title, id);
INSERT INTO log (what) VALUES ('five');
CREATE INDEX CONCURRENTLY ON pieces (counter, a);
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'calm';
UPDATE counters SET n = n + 100;
VACUUM pieces;

-- migrate:up mysql no-transaction
INSERT INTO log (what) VALUES ('five');
OPTIMIZE TABLE pieces;
ALTER TABLE pieces ADD INDEX (title);
UPDATE counters SET n = n + 100;

-- migrate:down sqlite no-transaction
UPDATE counters SET n = n - 100;
DROP INDEX pieces_title;
DELETE FROM log WHERE what = 'five';

-- migrate:down postgres no-transaction
UPDATE counters SET n = n - 100;
DROP INDEX CONCURRENTLY pieces_title;
DROP INDEX CONCURRENTLY pieces_title_id;
DROP INDEX CONCURRENTLY pieces_counter_a_idx;
DELETE FROM log WHERE what = 'five';

-- migrate:down mysql no-transaction
UPDATE counters SET n = n - 100;
ALTER TABLE pieces DROP INDEX title;
DELETE FROM log WHERE what = 'five';
