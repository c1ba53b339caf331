-- Datasets can be removed, batches have names, and both are listed with the removals of a dataset.

ALTER TABLE datasets
    ADD COLUMN removed_at  timestamptz,
    ADD COLUMN removal_id  uuid REFERENCES removals;
ALTER TABLE removals ADD COLUMN whole_dataset boolean NOT NULL DEFAULT false;
ALTER TABLE batches ADD COLUMN name text CHECK (length(name) BETWEEN 1 AND 200);

CREATE INDEX batches_listed ON batches (dataset_id, batch_id DESC);
DROP INDEX batches_of_dataset;
CREATE INDEX removals_listed ON removals (tenant_id, removal_id DESC);
CREATE INDEX removals_of_dataset ON removals (dataset_id, removal_id DESC);
CREATE INDEX removals_of_whole_datasets ON removals (removal_id) WHERE whole_dataset AND undone_at IS NULL;
