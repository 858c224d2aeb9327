import type { ChargeCommand, NewIdentity } from '../../domain/charge.ts'
import { decideCharge } from '../../domain/lifecycle.ts'
import { type Limit, limitDecline, NO_PROVIDER, usesOf } from '../../domain/routing/limits.ts'
import { sha256 } from '../context.ts'
import type { Proposal } from '../execute.ts'
import { chargeEnding } from './endings.ts'

/**
 * A new charge that counts in its velocity limits, in the commit that creates it. If it exceeds one, it fails instead,
 * without an attempt, and counts in none: so a subject that keeps trying is not blocked for longer.
 */
export function limitedProposal(
  proposal: Proposal,
  command: ChargeCommand,
  made: NewIdentity,
  limits: readonly Limit[],
): Proposal {
  const uses = usesOf(limits, command, sha256)
  if (uses.length === 0) return proposal
  return {
    ...proposal,
    limited: {
      limits: uses,
      declined(limit) {
        const decision = decideCharge(command, NO_PROVIDER, limitDecline(limit), made)
        return { decision, at: proposal.at, ending: chargeEnding(decision.charge, false) }
      },
    },
  }
}
