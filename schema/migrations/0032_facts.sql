-- Values that a page's file states as data, such as an electronic invoice: [[name, value, XPath], ...].

ALTER TABLE pages ADD COLUMN facts jsonb;
