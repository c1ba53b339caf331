-- Settings of a dataset that a plan changes: {"reading", "date_order", "several", "sure_from"}, each optional.

ALTER TABLE plans
    ADD COLUMN settings jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN former_settings jsonb; -- of these, before the plan was applied
