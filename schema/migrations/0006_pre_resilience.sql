-- What a dataset does while Textract is down, workers lost with a step, and indexes for what is parked or given up.

ALTER TABLE datasets
    ADD COLUMN when_textract_is_down text NOT NULL DEFAULT 'best_reading'
        CHECK (when_textract_is_down IN ('best_reading', 'wait'));
ALTER TABLE steps
    ADD COLUMN losses real NOT NULL DEFAULT 0; -- workers that were lost with it since it was last redriven
CREATE INDEX steps_parked ON steps (step, due_at) WHERE state = 'parked';
CREATE INDEX steps_given_up ON steps (tenant_id, ended_at DESC, file_id, step, part) WHERE state = 'failed';
