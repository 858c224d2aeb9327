-- The first event of a charge has the digits of the charge's id, and the charge has its number, and the number of its first
-- transfer. So these need no index by id or by charge, and most charges have no others.
ALTER TABLE charges ADD COLUMN first_event INTEGER;
ALTER TABLE charges ADD COLUMN first_transfer INTEGER;
-- 1: the charge has its number.
ALTER TABLE ledger_transfers ADD COLUMN is_first INTEGER;

DROP INDEX events_by_id;
CREATE INDEX events_by_id ON events (id) WHERE substr(id, 5) <> substr(data, 22, 26);
DROP INDEX events_by_object;
CREATE INDEX events_by_object ON events (
  CASE substr(data, 1, 12) WHEN '{"endpoint":' THEN substr(data, 20, 29) ELSE substr(data, 18, 30) END)
  WHERE substr(id, 5) <> substr(data, 22, 26);
DROP INDEX ledger_transfers_by_transaction;
CREATE INDEX ledger_transfers_by_transaction ON ledger_transfers (account_id, live, transaction_id, seq)
  WHERE is_first IS NULL;
