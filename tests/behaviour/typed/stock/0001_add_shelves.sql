-- Add shelves
--
-- revision: 0001

-- migrate:up
CREATE TABLE shelves (id INTEGER PRIMARY KEY);

-- migrate:down
DROP TABLE shelves;
