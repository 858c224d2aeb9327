-- Who stored a version of the routing rules, and why. The audit log has the authors of the versions before; its JSON
-- ends with the version.
ALTER TABLE rule_sets ADD COLUMN author TEXT;
ALTER TABLE rule_sets ADD COLUMN note TEXT;
UPDATE rule_sets SET author = stored.actor
FROM (
  SELECT account_id, live, CAST(substr(start, length(before) + 1) AS INTEGER) AS version, min(actor) AS actor
  FROM (
    SELECT account_id, live, actor, rtrim(after, '}') AS start, rtrim(rtrim(after, '}'), '0123456789') AS before
    FROM audit_log
    WHERE action IN ('routing.replaced', 'routing.reset') AND after LIKE '%}')
  WHERE before LIKE '%"version":'
  GROUP BY 1, 2, 3) AS stored
WHERE rule_sets.account_id = stored.account_id AND rule_sets.live = stored.live AND rule_sets.version = stored.version;
