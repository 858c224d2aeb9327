-- Until when the provider of a dispute takes evidence, and when the dispute was won or lost: null for disputes that an
-- earlier version closed, whose events have no such time.
ALTER TABLE disputes ADD COLUMN evidence_due_at bigint;
ALTER TABLE disputes ADD COLUMN closed_at bigint CHECK (closed_at IS NULL OR status <> 'open');
CREATE INDEX disputes_by_status ON disputes (account_id, live, status, id);
CREATE INDEX disputes_due ON disputes (account_id, live, evidence_due_at, id)
  WHERE status = 'open' AND evidence_due_at IS NOT NULL;
-- The failures of one provider. An attempt that succeeds at once is never in it.
CREATE INDEX attempts_failed ON attempts (account_id, live, provider, state, id)
  WHERE state IN ('declined', 'not_sent', 'unknown');
