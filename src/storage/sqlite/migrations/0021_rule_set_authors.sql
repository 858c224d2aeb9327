-- Who stored a version of the routing rules, and why. The audit log has the authors of the versions before; its JSON
-- ends with the version.
ALTER TABLE rule_sets ADD COLUMN author TEXT;
ALTER TABLE rule_sets ADD COLUMN note TEXT;
UPDATE rule_sets SET author = (
  SELECT min(l.actor) FROM audit_log l
  WHERE l.account_id = rule_sets.account_id AND l.live = rule_sets.live
    AND l.action IN ('routing.replaced', 'routing.reset') AND l.after LIKE '%"version":' || rule_sets.version || '}');
