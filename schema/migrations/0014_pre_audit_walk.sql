-- The audit of rows walks too, some files a round, so that it costs the same at any size.

INSERT INTO audit_walks (walk) VALUES ('rows');
