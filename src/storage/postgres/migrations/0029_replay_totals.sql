-- How many events a replay had to send when it was started; NULL: too many to count, or one from before this upgrade.
ALTER TABLE webhook_replays ADD COLUMN total bigint;
