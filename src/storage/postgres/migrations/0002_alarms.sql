-- Alarms; what of a dispute stands in the ledger; and checks that make impossible amounts of a charge impossible to store.

ALTER TABLE charges
  ADD CONSTRAINT charges_captured CHECK (amount_captured >= 0),
  ADD CONSTRAINT charges_refund_pending CHECK (amount_refund_pending >= 0),
  ADD CONSTRAINT charges_disputed CHECK (amount_disputed BETWEEN 0 AND amount_captured),
  ADD CONSTRAINT charges_given_back CHECK (amount_refunded + amount_refund_pending <= amount_captured);

-- `amount` is as the provider says it, in whatever currency; `amount_booked` is what of it stands in the ledger, in the
-- charge's currency. Until now a dispute was booked whole, or not stored.
ALTER TABLE disputes DROP CONSTRAINT disputes_amount_check;
ALTER TABLE disputes ADD COLUMN amount_booked bigint;
UPDATE disputes SET amount_booked = CASE status WHEN 'won' THEN 0 ELSE amount END;
ALTER TABLE disputes
  ALTER COLUMN amount_booked SET NOT NULL,
  ADD CONSTRAINT disputes_amount CHECK (amount >= 0),
  ADD CONSTRAINT disputes_booked CHECK (amount_booked >= 0 AND (status <> 'won' OR amount_booked = 0));

-- What providers said that does not fit the books: of their charge's aggregate, few, and never deleted.
CREATE TABLE alarms (
  account_id integer NOT NULL,
  live smallint NOT NULL CHECK (live IN (0, 1)),
  id text COLLATE "C" NOT NULL,
  transaction_id text COLLATE "C" NOT NULL,
  attempt_id text COLLATE "C",
  dispute_id text COLLATE "C",
  kind text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  said text COLLATE "C" NOT NULL,
  reference text COLLATE "C",
  amount bigint CHECK (amount >= 0),
  currency text COLLATE "C",
  message text NOT NULL,
  state text COLLATE "C" NOT NULL CHECK (state IN ('open', 'closed')),
  in_doubt smallint NOT NULL CHECK (in_doubt IN (0, 1) AND (state = 'open' OR in_doubt = 0)),
  opened_at bigint NOT NULL,
  closed_at bigint CHECK ((closed_at IS NULL) = (state = 'open')),
  reason text CHECK (state = 'closed' OR reason IS NULL),
  PRIMARY KEY (account_id, live, id)
);
CREATE INDEX alarms_by_transaction ON alarms (account_id, live, transaction_id, id);
CREATE INDEX alarms_by_state ON alarms (account_id, live, state, id);
