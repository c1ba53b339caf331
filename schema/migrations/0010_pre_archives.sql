-- Members of an archive as files of their own, where the batch asks for that.

ALTER TABLE batches ADD COLUMN expand_archives boolean NOT NULL DEFAULT false;
ALTER TABLE files
    ADD COLUMN archive_id     uuid,     -- the file whose member this one is; it may be removed by itself
    ADD COLUMN archive_place  integer,  -- the member's place in it
    ADD CHECK ((archive_id IS NULL) = (archive_place IS NULL));
CREATE UNIQUE INDEX files_of_archive ON files (archive_id, archive_place) WHERE archive_id IS NOT NULL;
