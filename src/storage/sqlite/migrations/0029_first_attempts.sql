-- The first attempt of a charge has the digits of the charge's id, so it needs no index by the charge: most charges have
-- no other attempt.
DROP INDEX attempts_by_transaction;
CREATE INDEX attempts_by_transaction ON attempts (account_id, live, transaction_id, id)
  WHERE substr(id, 5) <> substr(transaction_id, 5);
