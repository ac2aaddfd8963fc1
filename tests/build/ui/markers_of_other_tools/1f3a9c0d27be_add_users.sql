-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up
CREATE TABLE a (id INTEGER);
-- +migrate Down
DROP TABLE a;
-- +goose Down
DROP TABLE b;
-- +micrate Down
DROP TABLE c;
-- !Downs
DROP TABLE d;
-- Down Migration
DROP TABLE e;
-- down
DROP TABLE f;
---- create above / drop below ----
DROP TABLE g;
-- @UNDO
DROP TABLE h;
