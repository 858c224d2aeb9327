/** How a bank and a receiver of webhooks can be for a while, and be well again. */
import type { ServerResponse } from 'node:http'
import type { Draw } from '../kit/draws.ts'
import type { Simulator } from '../kit/simulator.ts'

export const BANK_MOODS = {
  slow: { latency_ms: 600 },
  'times out': { hang: 0.7, latency_ms: 10 },
  'is away for a while': { hang: 1 },
  'cuts connections': { cut_before: 0.2, cut_after: 0.2, latency_ms: 10 },
  'answers with errors': { error: 0.2, error_after: 0.2, latency_ms: 10 },
  'answers without end': { huge: 0.1, latency_ms: 10 },
  'answers later': { late: 0.5, late_ms: 500, latency_ms: 10 },
} as const satisfies Record<string, Readonly<Record<string, number>>>
export type BankMood = keyof typeof BANK_MOODS | 'well'
const WELL = { latency_ms: 10 }

/** The same seed draws the same faults; another moment of the soak draws others. */
export function setBankMood(bank: Simulator, mood: BankMood, draw: Draw): Promise<void> {
  return bank.faults({ ...(mood === 'well' ? WELL : BANK_MOODS[mood]), seed: draw.between(1, 600_000) })
}

export const RECEIVER_MOODS = [
  'slow',
  'fails',
  'is silent',
  'answers byte by byte',
  'cuts connections',
] as const
export type ReceiverMood = (typeof RECEIVER_MOODS)[number] | 'well'

const SLOW_MS = 1_500
/** A response of so many pieces of one byte each; its text has no meaning. */
const PIECES = 500

export type MoodyReceiver = {
  set(mood: ReceiverMood): void
  /** Answers as it is just now, and calls `taken` before an answer that says that it has the webhook. */
  answer(response: ServerResponse, taken: () => void): void
  /** Ends what it has put off. */
  stop(): void
}

export function moodyReceiver(): MoodyReceiver {
  let mood: ReceiverMood = 'well'
  const timers = new Set<NodeJS.Timeout>()
  const later = (work: () => void) => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      work()
    }, SLOW_MS)
    timers.add(timer)
  }

  const answers: Readonly<Record<ReceiverMood, (response: ServerResponse, taken: () => void) => void>> = {
    well(response, taken) {
      taken()
      response.end('ok')
    },
    slow: (response, taken) => later(() => answers.well(response, taken)),
    fails: (response) => void response.writeHead(503).end('Not now.'),
    // MiniPay hangs up after its time-out.
    'is silent': () => {},
    'answers byte by byte'(response, taken) {
      taken()
      for (let i = 0; i < PIECES; i++) response.write('x')
      response.end()
    },
    'cuts connections': (response) => void response.destroy(),
  }

  return {
    set(next) {
      mood = next
    },
    answer: (response, taken) => answers[mood](response, taken),
    stop() {
      for (const timer of timers) clearTimeout(timer)
    },
  }
}
