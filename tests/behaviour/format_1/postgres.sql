-- upgrade from base to r0003 on postgres, namespace main
-- made by embed-migrations 0.1.0
-- run it with psql, outside of a transaction: psql -X -f SCRIPT DATABASE
-- it ends at the first error; what was done before is recorded and stays
\set ON_ERROR_STOP on
\set AUTOCOMMIT on
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.quote_ident(coalesce((SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = pg_catalog.to_regclass(E'"migrate_history"')), pg_catalog.current_schema())) || '.' || E'"migrate_history"' AS history \gset embed_migrations_

-- upgrade r0001: Revision r0001
BEGIN;
CREATE TABLE IF NOT EXISTS :embed_migrations_history (
    namespace text NOT NULL,
    seq bigint NOT NULL,
    revision text NOT NULL,
    direction text NOT NULL,
    heads text NOT NULL,
    digest text NOT NULL,
    checksum text,
    compatible bigint,
    state text NOT NULL,
    statements_done bigint NOT NULL,
    statements_total bigint NOT NULL,
    progress text,
    down_sql text,
    in_force text,
    applied_by text NOT NULL,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    format bigint NOT NULL,
    PRIMARY KEY (namespace, seq)
);
INSERT INTO :embed_migrations_history (namespace, seq, revision, direction, heads, digest, checksum, compatible, state, statements_done, statements_total, progress, down_sql, in_force, applied_by, started_at, finished_at, format) VALUES (E'main', (SELECT seq + 1 FROM (SELECT seq, digest, state FROM :embed_migrations_history WHERE namespace = E'main' UNION ALL SELECT 0, E'1:90e3dd7b64baa271586fb6f1427b62100630c340d259960db35bc0e9f0cd8bed', 'done' ORDER BY seq DESC LIMIT 1) AS last WHERE digest = E'1:90e3dd7b64baa271586fb6f1427b62100630c340d259960db35bc0e9f0cd8bed' AND state = 'done'), E'r0001', 'up', E'r0001', E'1:e282cd4620cd6343ce490d56beaf5184dcedfdcc804058b943f17b94e3698b8a', E'1:b36f8f31d36859794fbc18e6708a497fdd6af5b22cdc55555d50f3ebb2a43663', NULL, 'done', 2, 2, NULL, E'-- embed-migrations 1
-- 14 dml - 0000000000000000
-- 13 ddl - 0000000000000000
DELETE FROM t1;
DROP TABLE t1;
', NULL, E'version 1 (unlocked)', clock_timestamp(), clock_timestamp(), 1);
CREATE TABLE t1 (id INTEGER);
INSERT INTO t1 VALUES (1);
COMMIT;

-- upgrade r0002: Revision r0002
INSERT INTO :embed_migrations_history (namespace, seq, revision, direction, heads, digest, checksum, compatible, state, statements_done, statements_total, progress, down_sql, in_force, applied_by, started_at, finished_at, format) VALUES (E'main', (SELECT seq + 1 FROM (SELECT seq, digest, state FROM :embed_migrations_history WHERE namespace = E'main' ORDER BY seq DESC LIMIT 1) AS last WHERE digest = E'1:e282cd4620cd6343ce490d56beaf5184dcedfdcc804058b943f17b94e3698b8a' AND state = 'done'), E'r0002', 'up', E'r0002', E'1:188a858308b270bb9eb22b9f9db8b1ae1811d5e58d51a51d9c7b8b72a387394e', E'1:957b0620b6c4b92df86fff810843a35c38e0b0d1fb31c528d83d9958bef4a532', NULL, 'running', 0, 2, NULL, E'-- embed-migrations 1 no-transaction
-- 14 dml - 4187e9ae61cb45e8
-- 13 ddl - 54dad5d47dcd58ad
DELETE FROM t2;
DROP TABLE t2;
', NULL, E'version 1 (unlocked)', clock_timestamp(), NULL, 1);
BEGIN;
CREATE TABLE t2 (id INTEGER);
WITH changed AS (UPDATE :embed_migrations_history SET statements_done = 1, progress = E'1:dbb357cdb94193345c8a6d9ae46bf8ce7189bb7ea218e8e88b39547b166b4c81' WHERE namespace = E'main' AND state = 'running' AND applied_by = E'version 1 (unlocked)' RETURNING 1) SELECT 1 / pg_catalog.count(*) AS changed FROM changed \gset embed_migrations_
COMMIT;
BEGIN;
INSERT INTO t2 VALUES (2);
WITH changed AS (UPDATE :embed_migrations_history SET statements_done = 2, progress = E'1:f720c5d729c7b61e700ac9fde6bb091d81c10636dbc457d01b5a4522df65a76d' WHERE namespace = E'main' AND state = 'running' AND applied_by = E'version 1 (unlocked)' RETURNING 1) SELECT 1 / pg_catalog.count(*) AS changed FROM changed \gset embed_migrations_
COMMIT;
WITH changed AS (UPDATE :embed_migrations_history SET statements_done = 2, statements_total = 2, progress = NULL, state = 'done', finished_at = clock_timestamp() WHERE namespace = E'main' AND state = 'running' AND applied_by = E'version 1 (unlocked)' RETURNING 1) SELECT 1 / pg_catalog.count(*) AS changed FROM changed \gset embed_migrations_

-- upgrade r0003: Revision r0003
BEGIN;
INSERT INTO :embed_migrations_history (namespace, seq, revision, direction, heads, digest, checksum, compatible, state, statements_done, statements_total, progress, down_sql, in_force, applied_by, started_at, finished_at, format) VALUES (E'main', (SELECT seq + 1 FROM (SELECT seq, digest, state FROM :embed_migrations_history WHERE namespace = E'main' ORDER BY seq DESC LIMIT 1) AS last WHERE digest = E'1:188a858308b270bb9eb22b9f9db8b1ae1811d5e58d51a51d9c7b8b72a387394e' AND state = 'done'), E'r0003', 'up', E'r0003', E'1:47764c04118ef8937aea412d2711fe4c6b198f8b0908535864b534591f7ddc6e', E'1:683d40a9ece1f0721068959deb71a247ef87c9c584c5466a1f88c468677a0d52', 1, 'done', 2, 2, NULL, E'-- embed-migrations 1
-- 14 dml - 0000000000000000
-- 13 ddl - 0000000000000000
DELETE FROM t3;
DROP TABLE t3;
', NULL, E'version 1 (unlocked)', clock_timestamp(), clock_timestamp(), 1);
CREATE TABLE t3 (id INTEGER);
INSERT INTO t3 VALUES (3);
COMMIT;
