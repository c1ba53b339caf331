-- How a dataset's ambiguous dates are read: by the document's own evidence, or always in one order.

ALTER TABLE datasets
    ADD COLUMN date_order text NOT NULL DEFAULT 'auto' CHECK (date_order IN ('auto', 'day_first', 'month_first'));
