-- One wake-up may name several cheap parts of a step: all but the first ride along, and count for nothing in flight.
ALTER TABLE steps ADD COLUMN rides boolean NOT NULL DEFAULT false;
