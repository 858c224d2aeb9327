-- The outcome of a charge's first call changes the charge soon after its begin. If no index has a column that changes, and the
-- page has room, the change needs no new entries in the indexes (https://www.postgresql.org/docs/current/storage-hot.html). So
-- the index by status has a column of its own: NULL for charges that succeeded, and for those whose first call has not ended,
-- which are found by their attempts, with the digits of their ids.

-- Before a commit of a node of the former version locks a row: neither waits for the other.
LOCK TABLE charges IN ACCESS EXCLUSIVE MODE;
-- Those of earlier versions, whose attempts have other digits, become others.
UPDATE charges c SET version = 2
WHERE c.status = 'processing' AND c.status <> 'succeeded' AND c.version = 1 AND NOT EXISTS (
  SELECT 1 FROM attempts t
  WHERE t.id = 'att' || substr(c.id, 4) AND t.account_id = c.account_id AND t.live = c.live
    AND t.state IN ('sending', 'unknown'));

DROP INDEX charges_by_status;
ALTER TABLE charges ADD COLUMN listed_status text COLLATE "C"
  GENERATED ALWAYS AS (CASE WHEN status <> 'succeeded' AND (status <> 'processing' OR version > 1) THEN status END) STORED;
CREATE INDEX charges_by_status ON charges (account_id, live, listed_status, id) WHERE listed_status IS NOT NULL;
-- After the rewrite, because old charges need no room.
ALTER TABLE charges SET (fillfactor = 80);
