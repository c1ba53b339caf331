-- Large files are uploaded in parts: which upload of the object store's a file's parts belong to.

ALTER TABLE files ADD COLUMN multipart_id text;
