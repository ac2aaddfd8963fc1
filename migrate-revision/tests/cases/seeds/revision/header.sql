-- Every key of a header
--
-- Prose: with a colon, http://example.org and é.
--
-- revision: abc
-- revises: none
-- labels: first, second-2
-- created: 2026-11-23T10:12:00Z
-- compatible: no

-- migrate:up
SELECT 1;
