-- A node of a former version must not commit a call that is not counted. The tables are in the order in which its commits
-- use them, so that neither waits for the other; reads continue until the next statement.
LOCK TABLE charges, attempts, sequences IN EXCLUSIVE MODE;
-- Always 1, and without a default: such a node can commit nothing any more.
ALTER TABLE sequences ADD COLUMN counted smallint NOT NULL DEFAULT 1 CHECK (counted = 1);
ALTER TABLE sequences ALTER COLUMN counted DROP DEFAULT;

-- Calls to providers, counted in the hour in which each began: see domain/statistics. An amount is amount_high times 2^32 plus
-- amount_low, so that no sum overflows. In parts, as the counters.
CREATE TABLE hourly_statistics (
  account_id integer NOT NULL,
  live smallint NOT NULL CHECK (live IN (0, 1)),
  -- Hours since 1970.
  hour integer NOT NULL,
  provider text COLLATE "C" NOT NULL,
  currency text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('sale', 'authorize', 'capture', 'cancel', 'refund')),
  state text COLLATE "C" NOT NULL CHECK (state IN ('pending', 'unknown', 'succeeded', 'declined', 'not_sent')),
  -- Empty unless declined.
  decline_code text COLLATE "C" NOT NULL,
  part smallint NOT NULL DEFAULT 0,
  calls integer NOT NULL,
  amount_high bigint NOT NULL,
  amount_low bigint NOT NULL,
  -- How many of them ended within so many ms, and not within fewer.
  within_25_ms integer NOT NULL DEFAULT 0,
  within_50_ms integer NOT NULL DEFAULT 0,
  within_100_ms integer NOT NULL DEFAULT 0,
  within_150_ms integer NOT NULL DEFAULT 0,
  within_200_ms integer NOT NULL DEFAULT 0,
  within_300_ms integer NOT NULL DEFAULT 0,
  within_500_ms integer NOT NULL DEFAULT 0,
  within_750_ms integer NOT NULL DEFAULT 0,
  within_1000_ms integer NOT NULL DEFAULT 0,
  within_2000_ms integer NOT NULL DEFAULT 0,
  within_5000_ms integer NOT NULL DEFAULT 0,
  within_10000_ms integer NOT NULL DEFAULT 0,
  longer integer NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, live, hour, provider, currency, kind, state, decline_code, part)
);

INSERT INTO hourly_statistics
  (account_id, live, hour, provider, currency, kind, state, decline_code, part, calls, amount_high, amount_low,
   within_25_ms, within_50_ms, within_100_ms, within_150_ms, within_200_ms, within_300_ms, within_500_ms,
   within_750_ms, within_1000_ms, within_2000_ms, within_5000_ms, within_10000_ms, longer)
SELECT account_id, live, hour, provider, currency, kind, state, decline_code, 0, count(*),
  sum(amount / 4294967296), sum(amount % 4294967296),
  sum(CASE WHEN ms <= 25 THEN 1 ELSE 0 END),
  sum(CASE WHEN ms > 25 AND ms <= 50 THEN 1 ELSE 0 END),
  sum(CASE WHEN ms > 50 AND ms <= 100 THEN 1 ELSE 0 END),
  sum(CASE WHEN ms > 100 AND ms <= 150 THEN 1 ELSE 0 END),
  sum(CASE WHEN ms > 150 AND ms <= 200 THEN 1 ELSE 0 END),
  sum(CASE WHEN ms > 200 AND ms <= 300 THEN 1 ELSE 0 END),
  sum(CASE WHEN ms > 300 AND ms <= 500 THEN 1 ELSE 0 END),
  sum(CASE WHEN ms > 500 AND ms <= 750 THEN 1 ELSE 0 END),
  sum(CASE WHEN ms > 750 AND ms <= 1000 THEN 1 ELSE 0 END),
  sum(CASE WHEN ms > 1000 AND ms <= 2000 THEN 1 ELSE 0 END),
  sum(CASE WHEN ms > 2000 AND ms <= 5000 THEN 1 ELSE 0 END),
  sum(CASE WHEN ms > 5000 AND ms <= 10000 THEN 1 ELSE 0 END),
  sum(CASE WHEN ms > 10000 THEN 1 ELSE 0 END)
FROM (
  SELECT t.account_id, t.live, (t.started_at / 3600000)::integer AS hour, t.provider, t.currency,
    CASE WHEN t.kind = 'authorize' AND c.capture = 1 THEN 'sale' ELSE t.kind END AS kind, t.state,
    coalesce(t.decline_code, '') AS decline_code, t.amount,
    CASE WHEN t.resolved_by = 'answer' AND t.ended_at - t.started_at BETWEEN 0 AND 120000
      THEN t.ended_at - t.started_at END AS ms
  FROM attempts t
  JOIN charges c ON c.account_id = t.account_id AND c.live = t.live AND c.id = t.transaction_id
  WHERE t.state IN ('pending', 'unknown', 'succeeded', 'declined', 'not_sent')
  UNION ALL
  -- A charge that was decided at once, without an attempt, is one call.
  SELECT c.account_id, c.live, (c.created_at / 3600000)::integer, c.provider, c.currency,
    CASE c.capture WHEN 1 THEN 'sale' ELSE 'authorize' END,
    CASE c.status WHEN 'failed' THEN 'declined' ELSE 'succeeded' END,
    coalesce(CASE c.status WHEN 'failed' THEN c.decline_code END, ''), c.amount, NULL
  FROM charges c
  WHERE NOT EXISTS (
    SELECT 1 FROM attempts t
    WHERE t.account_id = c.account_id AND t.live = c.live AND t.transaction_id = c.id AND t.kind = 'authorize')
) AS call
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
