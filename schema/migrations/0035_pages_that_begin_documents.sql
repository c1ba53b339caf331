-- Whether a file itself says that another document begins on this page, as a mailbox does for each message.

ALTER TABLE pages ADD COLUMN begins_document boolean NOT NULL DEFAULT false;
