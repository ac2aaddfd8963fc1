-- Go back to a savepoint
--
-- revision: h07
-- revises: h06

-- migrate:up
UPDATE counters SET n = n + 1;
SAVEPOINT before_it;
UPDATE counters SET n = n + 1000;
INSERT INTO log (what) VALUES ('lost');
ROLLBACK TO SAVEPOINT before_it;
INSERT INTO log (what) VALUES ('seven');
RELEASE SAVEPOINT before_it;

-- migrate:down
DELETE FROM log WHERE what = 'seven';
SAVEPOINT before_it;
UPDATE counters SET n = n - 1;
RELEASE SAVEPOINT before_it;
