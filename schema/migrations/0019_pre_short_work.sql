-- Short work is found at once, however much that takes long stands before it. A slice is SLICE_S in layers/domain/fairness.py.
CREATE INDEX steps_ready_short ON steps (step, tenant_id, batch_id, ready_at, file_id, part)
    WHERE state = 'ready' AND cost_estimate_s <= 10;
