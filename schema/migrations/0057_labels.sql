-- Labels of batches: words of a person's own by which files are found.

ALTER TABLE batches ADD COLUMN labels text[] NOT NULL DEFAULT '{}' CHECK (cardinality(labels) <= 20);
