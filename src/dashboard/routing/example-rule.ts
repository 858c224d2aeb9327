import { showJson } from '../json.ts'
import { button, div, p, type VNode } from '../tags.ts'

type RuleSet = {
  readonly rules: readonly { readonly name?: unknown }[]
  readonly default: { readonly providers?: unknown; readonly split?: unknown }
}

/** The reader may have typed any JSON. */
function isRuleSet(document: unknown): document is RuleSet {
  const { rules, default: otherwise } = (document ?? {}) as Partial<RuleSet>
  const isObject = (value: unknown) => typeof value === 'object' && value !== null
  return Array.isArray(rules) && rules.every(isObject) && isObject(otherwise)
}

/**
 * The text of the rules with one more at the end, which sends small payments in euros to the default's providers in the opposite
 * order; undefined for JSON that is no set of rules.
 */
export function withExample(document: unknown): string | undefined {
  if (!isRuleSet(document)) return undefined
  const { providers, split } = document.default
  const listed = Array.isArray(providers) ? providers : Array.isArray(split) ? split : []
  const names = listed.map((one: { provider?: unknown } | string) =>
    typeof one === 'string' ? one : one?.provider,
  )
  const isTaken = (text: string) => document.rules.some(({ name }) => name === text)
  let name = 'example'
  for (let i = 2; isTaken(name); i++) name = `example ${i}`
  const rule = { name, when: "currency == 'eur' && amount < 100000", providers: names.toReversed() }
  return showJson({ ...document, rules: [...document.rules, rule] })
}

/** What a rule is, and one to begin with. `document` is what the reader typed, if it is JSON. */
export function RuleHelp({ document, onAdd }: { document: unknown; onAdd: (text: string) => void }): VNode {
  const text = withExample(document)
  return div(
    { class: 'rule-help' },
    p(
      { class: 'hint' },
      'A payment takes the first rule whose condition, “when”, is true. A condition can use amount (in minor units), currency, customer, payment_method, metadata and time.',
    ),
    button(
      {
        ...{ type: 'button', class: 'button small', disabled: text === undefined },
        onClick: () => text !== undefined && onAdd(text),
      },
      'Add an example rule',
    ),
  )
}
