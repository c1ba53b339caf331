-- Dead letters, newest first, of one tenant or, if p_tenant_id is NULL, of all: failed steps that determined the end of their
-- pipeline. A failed reader of a file that another reader has read is no dead letter, and a later success removes one. Names
-- and texts of files are omitted. p_after_at, p_after_file and p_after_step: the last dead letter of the previous page.
CREATE OR REPLACE FUNCTION dead_letters(
    p_tenant_id uuid, p_side_steps text[], p_file_ids uuid[], p_step text, p_code text,
    p_since timestamptz, p_until timestamptz, p_after_at timestamptz, p_after_file uuid, p_after_step text, p_limit integer)
RETURNS TABLE (tenant_id uuid, dataset_id uuid, file_id uuid, step text, code text, detail text,
               attempts integer, given_up_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
    SELECT f.tenant_id, f.dataset_id, f.file_id, s.step, s.error_code, s.error_detail, s.attempt - s.snoozes, s.ended_at
      FROM steps s JOIN files f USING (file_id)
     WHERE s.state = 'failed' AND (p_tenant_id IS NULL OR s.tenant_id = p_tenant_id)
       AND (is_system() OR s.tenant_id = current_tenant()) AND f.removed_at IS NULL
       AND (s.step = ANY (p_side_steps) OR (f.state = 'failed' AND f.error_step = s.step))
       AND (p_file_ids IS NULL OR s.file_id = ANY (p_file_ids))
       AND (p_step IS NULL OR s.step = p_step) AND (p_code IS NULL OR s.error_code = p_code)
       AND (p_since IS NULL OR s.ended_at >= p_since) AND (p_until IS NULL OR s.ended_at < p_until)
       AND (p_after_at IS NULL OR s.ended_at < p_after_at
            OR s.ended_at = p_after_at AND (s.file_id, s.step) > (p_after_file, p_after_step))
       -- A step with several failed parts is listed once, by the first of them.
       AND NOT EXISTS (SELECT 1 FROM steps o WHERE o.file_id = s.file_id AND o.step = s.step
                          AND o.part < s.part AND o.state = 'failed')
     ORDER BY s.ended_at DESC, s.file_id, s.step
     LIMIT p_limit
$$;
ALTER FUNCTION dead_letters(uuid, text[], uuid[], text, text, timestamptz, timestamptz, timestamptz, uuid, text, integer)
    OWNER TO fairway_worker;
