-- Runs a step of a file and the steps after it again, with new attempts: each waits or is ready. p_steps: the step and
-- those after it in its pipeline; p_earlier: the steps before it. p_forgotten_sources: the sources of the pages of p_steps;
-- these pages are read again, and all pages if 'native' is among the sources, since the reader of native text determines
-- which pages exist.
-- Returns false if one of p_steps is ready, queued or running, or one of p_earlier has not ended: then the input of the step
-- is not complete, and at the end of the earlier step this one would already be done. Also false if retention has erased what the step
-- reads: without the original, only a step of the main pipeline that reads no pages from it can run.
DROP FUNCTION IF EXISTS redrive_file(uuid, text[], boolean);
DROP FUNCTION IF EXISTS redrive_file(uuid, text[], text[], boolean);
CREATE OR REPLACE FUNCTION redrive_file(
    p_file_id uuid, p_steps text[], p_earlier text[], p_is_main boolean, p_forgotten_sources text[])
RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    the_file files%ROWTYPE;
BEGIN
    SELECT * INTO the_file FROM files WHERE file_id = p_file_id AND removed_at IS NULL FOR UPDATE;
    IF NOT FOUND OR the_file.uploaded_at IS NULL OR the_file.text_erased_at IS NOT NULL
       OR the_file.original_erased_at IS NOT NULL AND (p_earlier = '{}' OR NOT p_is_main OR p_forgotten_sources <> '{}')
       OR EXISTS (SELECT 1 FROM steps s
                   WHERE s.file_id = p_file_id AND s.step = ANY (p_steps) AND s.state IN ('ready', 'queued', 'running'))
       OR EXISTS (SELECT 1 FROM unnest(p_earlier) e
                    LEFT JOIN steps s ON s.file_id = p_file_id AND s.step = e
                   WHERE s.state NOT IN ('done', 'skipped', 'failed', 'cancelled')
                      -- A step without a row does not apply to the file if a later one has been planned.
                      OR s.state IS NULL AND NOT EXISTS (SELECT 1 FROM steps o
                                                          WHERE o.file_id = p_file_id AND o.step = p_steps[1])) THEN
        RETURN false;
    END IF;
    DELETE FROM windows w WHERE w.file_id = p_file_id AND w.step = ANY (p_steps);
    DELETE FROM steps s WHERE s.file_id = p_file_id AND s.step = ANY (p_steps) AND s.part > 0;
    UPDATE steps s
       SET state = 'waiting', reason = NULL, error_code = NULL, error_detail = NULL, failures = 0, losses = 0,
           page_numbers = NULL, due_at = NULL, ended_at = NULL, started_at = NULL, redrives = s.redrives + 1
     WHERE s.file_id = p_file_id AND s.step = ANY (p_steps);
    INSERT INTO steps (file_id, step, part, tenant_id, batch_id, state)
    SELECT p_file_id, n, 0, the_file.tenant_id, the_file.batch_id, 'waiting' FROM unnest(p_steps) n
    ON CONFLICT DO NOTHING;
    IF 'native' = ANY (p_forgotten_sources) THEN
        DELETE FROM pages p WHERE p.file_id = p_file_id;
    ELSE
        UPDATE pages p SET source = NULL, confidence = 0
         WHERE p.file_id = p_file_id AND p.source = ANY (p_forgotten_sources);
    END IF;
    UPDATE files SET updated_at = clock_timestamp() WHERE file_id = p_file_id;
    IF p_is_main THEN
        UPDATE files
           SET state = 'processing', error_step = NULL, error_code = NULL, error_detail = NULL
         WHERE file_id = p_file_id;
    END IF;
    RETURN true;
END $$;
