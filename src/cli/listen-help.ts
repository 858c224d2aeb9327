/** The flags of `minipay listen` that are no settings, and its help. */
export const LISTEN_FLAGS = ['forward-to', 'events', 'secret', 'after']
export const LISTEN_HELP = `  minipay listen --forward-to http://localhost:3000/webhook
      Posts each event to this URL, signed as MiniPay signs webhooks, and prints a line for it. Ctrl-C ends it.
      --events payment.*,refund.failed   these types alone
      --secret whsec_…                   the signing secret; unless given, a new one, which it prints
      --after N                          begins after the event N; unless given, with the next event`
