/** The help of `minipay webhooks`: each form of the command. */
export const WEBHOOKS_HELP = `  minipay webhooks
      Lists the deliveries that failed for good.
  minipay webhooks show ID
      Prints a delivery with each of its attempts.
  minipay webhooks retry [ID | event_type=… | endpoint=… | last_status=503 | created_gte=24h | dry_run] …
      Sends one delivery again, or every failed one that fits all filters; with dry_run it only counts them.
  minipay webhooks replay ENDPOINT failed [since=24h | until=2027-01-31 | event_types=… | last_error=…]
         [after_sequence=N | to_sequence=N | idempotency_key=KEY]
      Sends failed deliveries again, and prints the progress. The server continues without the command.
  minipay webhooks replay ENDPOINT past since=7d|after_sequence=N|all [until=… | event_types=… | to_sequence=N]
      Sends every event again that the endpoint wants, delivered or not; without a beginning only with the word all.
      A time is a date, a time with its zone, or a duration until now, such as 30m, 24h or 7d.
  minipay webhooks replay list ENDPOINT
  minipay webhooks replay follow ID
      Prints the progress of a replay until it ends.
  minipay webhooks replay cancel ID
  minipay webhooks endpoints [list]
  minipay webhooks endpoints create URL [FIELD=VALUE …]
      Standard output has the secret alone, so that a script can store it.
  minipay webhooks endpoints update ID FIELD=VALUE …
  minipay webhooks endpoints enable|disable|delete ID
  minipay webhooks endpoints rotate ID [overlap_seconds=86400]
      Makes a new secret. The former one signs, too, until the overlap ends.
  minipay webhooks endpoints test ID
      Sends a signed test event and prints the response. Exit status 1 if it was not delivered.
      The fields: url, description, events (payment.*,refund.failed), format (minipay, original or stripe),
      ordered (true or false), rate_limit, retry_delays_seconds (5,300,1800), disable_after_seconds, version,
      header.NAME and metadata.NAME. The value none clears a field; headers and metadata replace those before.`
