import type { Context } from '../context.ts'
import { remoteProvider } from '../routing/serving.ts'
import { callProvider } from './call-provider.ts'
import type { LoadedAttempt } from './load-attempt.ts'
import { settleAttempt } from './settle-attempt.ts'

/**
 * Sends a committed attempt in the background, and the attempts that follow it, until the last outcome is committed.
 * If an outcome is unknown, calls `onUnknown`: only the request that
 * waits passes one, to make the first lookup (`look-up-first`).
 */
export function sendAttempt(
  context: Context,
  work: LoadedAttempt,
  onUnknown: (work: LoadedAttempt) => Promise<void> = async () => {},
): void {
  context.background.add(settleAll(context, work, onUnknown))
}

/** Never rejects. It outlives its request, and a stop waits for it. */
async function settleAll(
  context: Context,
  work: LoadedAttempt,
  onUnknown: (work: LoadedAttempt) => Promise<void>,
): Promise<void> {
  try {
    for (let next: LoadedAttempt | null = work; next; ) {
      const provider = remoteProvider(context, next.scope, next.attempt.provider)
      if (!provider) throw new Error(`${next.attempt.provider} is not a remote provider of its mode`)
      const sent: LoadedAttempt = next
      const outcome = await callProvider(context, provider, sent, 'send')
      next = await settleAttempt(context, sent, outcome, 'answer')
      if (outcome.kind === 'unknown') await onUnknown(sent)
    }
  } catch (error) {
    const { id, provider } = work.attempt
    context.log.error(
      { attempt: id, provider, err: error },
      'An attempt could not be settled; MiniPay looks it up when its lease ends.',
    )
  }
}
