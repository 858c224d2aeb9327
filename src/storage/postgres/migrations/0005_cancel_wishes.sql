-- The key of the request to cancel a charge that came while something else was under way; null without one.
ALTER TABLE charges ADD COLUMN cancel_key text COLLATE "C";
