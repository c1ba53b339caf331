-- A part that exceeds its short limit is requeued as a long one; it no longer becomes one while it runs.

DROP FUNCTION IF EXISTS go_on_among_long(uuid, text, integer, uuid, integer, double precision, double precision);
