-- Who stored a version of the routing rules, and why. The audit log has the authors of the versions before; its JSON
-- ends with the version.
ALTER TABLE rule_sets ADD COLUMN author text COLLATE "C";
ALTER TABLE rule_sets ADD COLUMN note text;
UPDATE rule_sets r SET author = stored.actor
FROM (
  SELECT account_id, live, substring(after FROM '"version":([0-9]+)}$')::bigint AS version, min(actor) AS actor
  FROM audit_log
  WHERE action IN ('routing.replaced', 'routing.reset')
  GROUP BY 1, 2, 3) AS stored
WHERE r.account_id = stored.account_id AND r.live = stored.live AND r.version = stored.version;
