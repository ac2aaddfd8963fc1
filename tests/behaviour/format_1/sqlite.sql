-- upgrade from base to r0003 on sqlite, namespace main
-- made by embed-migrations 0.1.0
-- run it with the shell of SQLite: sqlite3 FILE < SCRIPT
-- it ends at the first error; what was done before is recorded and stays
.bail on
.timeout 60000
PRAGMA foreign_keys = ON;

-- upgrade r0001: Revision r0001
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS main."migrate_history" (
    namespace TEXT NOT NULL,
    seq INTEGER NOT NULL,
    revision TEXT NOT NULL,
    direction TEXT NOT NULL,
    heads TEXT NOT NULL,
    digest TEXT NOT NULL,
    checksum TEXT,
    compatible INTEGER,
    state TEXT NOT NULL,
    statements_done INTEGER NOT NULL,
    statements_total INTEGER NOT NULL,
    progress TEXT,
    down_sql TEXT,
    in_force TEXT,
    applied_by TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    format INTEGER NOT NULL,
    PRIMARY KEY (namespace, seq)
);
INSERT INTO main."migrate_history" (namespace, seq, revision, direction, heads, digest, checksum, compatible, state, statements_done, statements_total, progress, down_sql, in_force, applied_by, started_at, finished_at, format) VALUES ('main', (SELECT seq + 1 FROM (SELECT seq, digest, state FROM main."migrate_history" WHERE namespace = 'main' UNION ALL SELECT 0, '1:90e3dd7b64baa271586fb6f1427b62100630c340d259960db35bc0e9f0cd8bed', 'done' ORDER BY seq DESC LIMIT 1) AS last WHERE digest = '1:90e3dd7b64baa271586fb6f1427b62100630c340d259960db35bc0e9f0cd8bed' AND state = 'done'), 'r0001', 'up', 'r0001', '1:e282cd4620cd6343ce490d56beaf5184dcedfdcc804058b943f17b94e3698b8a', '1:b36f8f31d36859794fbc18e6708a497fdd6af5b22cdc55555d50f3ebb2a43663', NULL, 'done', 2, 2, NULL, '-- embed-migrations 1
-- 14 dml - 0000000000000000
-- 13 ddl - 0000000000000000
DELETE FROM t1;
DROP TABLE t1;
', NULL, 'version 1 (unlocked)', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 1);
CREATE TABLE t1 (id INTEGER);
INSERT INTO t1 VALUES (1);
COMMIT;

-- upgrade r0002: Revision r0002
BEGIN IMMEDIATE;
INSERT INTO main."migrate_history" (namespace, seq, revision, direction, heads, digest, checksum, compatible, state, statements_done, statements_total, progress, down_sql, in_force, applied_by, started_at, finished_at, format) VALUES ('main', (SELECT seq + 1 FROM (SELECT seq, digest, state FROM main."migrate_history" WHERE namespace = 'main' ORDER BY seq DESC LIMIT 1) AS last WHERE digest = '1:e282cd4620cd6343ce490d56beaf5184dcedfdcc804058b943f17b94e3698b8a' AND state = 'done'), 'r0002', 'up', 'r0002', '1:188a858308b270bb9eb22b9f9db8b1ae1811d5e58d51a51d9c7b8b72a387394e', '1:957b0620b6c4b92df86fff810843a35c38e0b0d1fb31c528d83d9958bef4a532', NULL, 'running', 0, 2, NULL, '-- embed-migrations 1 no-transaction
-- 14 dml - 4187e9ae61cb45e8
-- 13 ddl - 54dad5d47dcd58ad
DELETE FROM t2;
DROP TABLE t2;
', NULL, 'version 1 (unlocked)', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), NULL, 1);
COMMIT;
BEGIN IMMEDIATE;
CREATE TABLE t2 (id INTEGER);
UPDATE main."migrate_history" SET statements_done = 1, progress = '1:dbb357cdb94193345c8a6d9ae46bf8ce7189bb7ea218e8e88b39547b166b4c81' WHERE namespace = 'main' AND state = 'running' AND applied_by = 'version 1 (unlocked)';
UPDATE main."migrate_history" SET seq = NULL WHERE namespace = 'main' AND changes() <> 1;
COMMIT;
BEGIN IMMEDIATE;
INSERT INTO t2 VALUES (2);
UPDATE main."migrate_history" SET statements_done = 2, progress = '1:f720c5d729c7b61e700ac9fde6bb091d81c10636dbc457d01b5a4522df65a76d' WHERE namespace = 'main' AND state = 'running' AND applied_by = 'version 1 (unlocked)';
UPDATE main."migrate_history" SET seq = NULL WHERE namespace = 'main' AND changes() <> 1;
COMMIT;
UPDATE main."migrate_history" SET statements_done = 2, statements_total = 2, progress = NULL, state = 'done', finished_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE namespace = 'main' AND state = 'running' AND applied_by = 'version 1 (unlocked)';
UPDATE main."migrate_history" SET seq = NULL WHERE namespace = 'main' AND changes() <> 1;

-- upgrade r0003: Revision r0003
BEGIN IMMEDIATE;
INSERT INTO main."migrate_history" (namespace, seq, revision, direction, heads, digest, checksum, compatible, state, statements_done, statements_total, progress, down_sql, in_force, applied_by, started_at, finished_at, format) VALUES ('main', (SELECT seq + 1 FROM (SELECT seq, digest, state FROM main."migrate_history" WHERE namespace = 'main' ORDER BY seq DESC LIMIT 1) AS last WHERE digest = '1:188a858308b270bb9eb22b9f9db8b1ae1811d5e58d51a51d9c7b8b72a387394e' AND state = 'done'), 'r0003', 'up', 'r0003', '1:47764c04118ef8937aea412d2711fe4c6b198f8b0908535864b534591f7ddc6e', '1:683d40a9ece1f0721068959deb71a247ef87c9c584c5466a1f88c468677a0d52', 1, 'done', 2, 2, NULL, '-- embed-migrations 1
-- 14 dml - 0000000000000000
-- 13 ddl - 0000000000000000
DELETE FROM t3;
DROP TABLE t3;
', NULL, 'version 1 (unlocked)', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 1);
CREATE TABLE t3 (id INTEGER);
INSERT INTO t3 VALUES (3);
COMMIT;
