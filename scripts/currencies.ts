/**
 * Writes src/domain/currencies.ts from ISO 4217's own published list (list one, of its maintenance agency SIX), which
 * the package currency-codes contains as XML, and from the amendments that were published after that list. Run `npm run
 * currencies` after an update of currency-codes or a new amendment; test/iso-4217.test.ts fails until the table
 * matches.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The changes since the list of 2024-06-25. A withdrawn code keeps its exponent, because stored charges use it. */
const AMENDMENTS: readonly {
  readonly number: number
  readonly added?: readonly [code: string, exponent: number]
  readonly withdrawn?: readonly [code: string, from: string]
}[] = [
  { number: 176, added: ['xcg', 2], withdrawn: ['ang', '2025-07-01'] },
  { number: 178, withdrawn: ['cuc', '2021-06-30'] },
  { number: 179, added: ['xad', 2] },
  { number: 180, withdrawn: ['bgn', '2026-01-01'] },
]

/** The list's codes in lower case, with their exponents; without those that have no minor unit ("N.A."). */
function published(): Map<string, number> {
  const file = import.meta.resolve('currency-codes/iso-4217-list-one.xml')
  const entries = readFileSync(fileURLToPath(file), 'utf8').matchAll(
    /<Ccy>([A-Z]{3})<\/Ccy>\s*<CcyNbr>\d+<\/CcyNbr>\s*<CcyMnrUnts>(\d)<\/CcyMnrUnts>/g,
  )
  return new Map([...entries].map(([, code = '', digits]) => [code.toLowerCase(), Number(digits)]))
}

const exponents = published()
const withdrawn = new Map<string, string>()
for (const amendment of AMENDMENTS) {
  if (amendment.added) exponents.set(...amendment.added)
  if (amendment.withdrawn) withdrawn.set(...amendment.withdrawn)
}

const byCode = <T>(map: ReadonlyMap<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1))
const amendments = AMENDMENTS.map(({ number }) => number)

writeFileSync(
  new URL('../src/domain/currencies.ts', import.meta.url),
  `/**
 * ISO 4217 currencies and their minor-unit exponents: how many decimal digits one minor unit is of the major unit (usd
 * 2, jpy 0, kwd 3). Withdrawn ones are among them, for the charges that are stored in them. Made from the published list
 * of 2024-06-25 and amendments ${amendments.slice(0, -1).join(', ')} and ${amendments.at(-1)} by \`npm run currencies\`; not edited by hand.
 */
export const CURRENCY_EXPONENTS: ReadonlyMap<string, number> = new Map([
${byCode(exponents)
  .map(([code, exponent]) => `  ['${code}', ${exponent}],`)
  .join('\n')}
])

/** Currencies that ISO 4217 has withdrawn, and from when on: nothing new is charged in them. */
export const WITHDRAWN_CURRENCIES: ReadonlyMap<string, string> = new Map([
${byCode(withdrawn)
  .map(([code, from]) => `  ['${code}', '${from}'],`)
  .join('\n')}
])
`,
)
console.log(`${exponents.size} currencies written, ${withdrawn.size} of them withdrawn`)
