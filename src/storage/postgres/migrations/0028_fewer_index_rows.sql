-- A charge through a provider writes its attempt twice, and each version has a row in each index of the table. The first
-- attempt and the first event of a charge have the digits of the charge's id, so they need no index by the charge: most charges
-- have no others. An attempt that is being sent is in one index, which is small, because it has no others. Each new index is
-- made by one look at the table, and has few rows; commits wait for it.
LOCK TABLE attempts, events IN SHARE MODE;

DROP INDEX attempts_by_transaction;
CREATE INDEX attempts_by_transaction ON attempts (account_id, live, transaction_id, id)
  WHERE substr(id, 5) <> substr(transaction_id, 5);

CREATE INDEX attempts_sending ON attempts (provider, due_at, id) WHERE state = 'sending';
DROP INDEX attempts_due_unknown;
CREATE INDEX attempts_due_unknown ON attempts (provider, due_at, id) WHERE state = 'unknown';
DROP INDEX attempts_by_state;
CREATE INDEX attempts_by_state ON attempts (account_id, live, state, id) WHERE state NOT IN ('succeeded', 'sending');
DROP INDEX attempts_leased;
CREATE INDEX attempts_leased ON attempts (owner) WHERE owner IS NOT NULL AND state <> 'sending';

DROP INDEX events_by_object;
CREATE INDEX events_by_object ON events ((
  CASE substr(data, 1, 12) WHEN '{"endpoint":' THEN substr(data, 20, 29) ELSE substr(data, 18, 30) END) COLLATE "C")
  WHERE substr(id, 5) <> substr(data, 22, 26);
