-- The elements of an array that has at most some dozens. The planner takes them for a single one, so that it looks up the rows that
-- they name by primary key and in this order, whatever it knows of the tables. It would take jsonb_array_elements for a hundred;
-- a plan that was made while a table was small, and is kept, would then read the whole table for each call.
CREATE OR REPLACE FUNCTION a_few(p_array jsonb) RETURNS SETOF jsonb
LANGUAGE plpgsql IMMUTABLE ROWS 1 AS $$
BEGIN
    RETURN QUERY SELECT e.one FROM jsonb_array_elements(p_array) AS e(one);
END $$;
