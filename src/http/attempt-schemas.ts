/** How an attempt's provider was chosen, as the API shows it. */
import { array, integer, nullable, object, string } from './schema.ts'

export const AttemptRoute = {
  ...nullable(
    object({
      version: nullable(integer({ description: 'Of the rule set; null when none is stored.' })),
      rule: string({ description: 'The rule that matched, or `default`.', examples: ['default'] }),
      skipped: array(object({ provider: string(), reason: string() })),
      next: array(string()),
      failover_on: array(string()),
      notes: array(string({ description: 'Rules that could not be decided, with why.' })),
      again: nullable(
        string({
          description:
            'The attempt before, which surely never came to this provider: it is called once more.',
        }),
      ),
    }),
  ),
  description:
    'How the provider was chosen; null for what goes where the money is, unless that is called once more.',
}
