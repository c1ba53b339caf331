-- A file's batch refers to its tenant. One check of both costs half of two, which counts when a manifest makes 100,000 files,
-- and holds more: that a file has the tenant of its batch.

ALTER TABLE batches ADD CONSTRAINT batches_of_tenant UNIQUE (batch_id, tenant_id);
ALTER TABLE files
    DROP CONSTRAINT files_tenant_id_fkey,
    DROP CONSTRAINT files_batch_id_fkey,
    ADD CONSTRAINT files_batch_fkey FOREIGN KEY (batch_id, tenant_id) REFERENCES batches (batch_id, tenant_id);
