-- revision: abc

-- migrate:up sqlite foreign-keys=off lock-timeout=5s
CREATE TABLE a (id INTEGER);
-- migrate:up postgres no-transaction lock-timeout=250ms statement-timeout=10m
CREATE INDEX CONCURRENTLY a_id ON a (id);
-- migrate:up mysql
CREATE TABLE a (id INTEGER) -- at the end
-- migrate:up mariadb statement-timeout=1h
CREATE TABLE a (id INTEGER);
-- migrate:down sqlite postgres keeps-data
DROP TABLE a;
-- migrate:down mysql
DROP TABLE a;
