-- Parents with children that go when their parent goes
-- revision: tables
-- revises:

-- migrate:up
CREATE TABLE parents (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parents (id) ON DELETE CASCADE);
INSERT INTO parents VALUES (1, 'a'), (2, 'b');
INSERT INTO children VALUES (10, 1), (20, 2), (21, 2);

-- migrate:down
DROP TABLE children;
DROP TABLE parents;
