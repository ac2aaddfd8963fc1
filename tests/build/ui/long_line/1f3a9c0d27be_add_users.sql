-- Add users
--
-- revision: 1f3a9c0d27be

-- migrate:up
INSERT INTO users VALUES (0, 'user 0'), (1, 'user 1'), (2, 'user 2'), (3, 'user 3'), (4, 'user 4'), (5, 'user 5'), (6, 'user 6'), (7, 'user 7'), (8, 'user 8'), (9, 'user 9'), (10, 'user 10'), (11, 'user 11'), (12, 'user 12'), (13, 'user 13'), (14, 'user 14'), (15, 'user 15'), (16, 'user 16'), (17, 'user 17'), (18, 'user 18'), (19, 'user 19'), (20, 'user 20'), (21, 'user 21'), (22, 'user 22'), (23, 'user 23'), (24, 'user 24'), (25, 'user 25'), (26, 'user 26'), (27, 'user 27'), (28, 'user 28'), (29, 'user 29'), (30, 'user 30'), (31, 'user 31'), (32, 'user 32'), (33, 'user 33'), (34, 'user 34'), (35, 'user 35'), (36, 'user 36'), (37, 'user 37'), (38, 'user 38'), (39, 'user 39'), (40, 'user 40);
