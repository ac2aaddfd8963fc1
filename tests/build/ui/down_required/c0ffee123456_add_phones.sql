-- Add phones
--
-- revision: c0ffee123456
-- revises: 8be61d0cc541

-- migrate:up
CREATE TABLE phones (id INTEGER PRIMARY KEY);

-- migrate:down sqlite
DROP TABLE phones;

-- migrate:down irreversible
