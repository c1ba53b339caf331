-- Upkeep walks through the unfinished uploads in parts, and aborts those that no file waits for.

INSERT INTO audit_walks (walk) VALUES ('uploads');
