/**
 * Writes src/domain/currencies.ts from dinero.js's maintained ISO 4217 table.
 * Run `npm run currencies` after updating dinero.js; a test fails while the two differ.
 */
import { writeFileSync } from 'node:fs'
import * as table from 'dinero.js/currencies'

const rows = Object.values(table)
  .map((currency) => [currency.code.toLowerCase(), currency.exponent] as const)
  .sort(([a], [b]) => (a < b ? -1 : 1))

const body = rows.map(([code, exponent]) => `  ['${code}', ${exponent}],`).join('\n')

writeFileSync(
  new URL('../src/domain/currencies.ts', import.meta.url),
  `/**
 * ISO 4217 currencies and their minor-unit exponents: how many decimal digits one minor unit is of
 * the major unit (usd 2, jpy 0, kwd 3). Made by \`npm run currencies\`; not edited by hand.
 */
export const CURRENCY_EXPONENTS: ReadonlyMap<string, number> = new Map([
${body}
])
`,
)
console.log(`${rows.length} currencies written`)
