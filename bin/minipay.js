#!/usr/bin/env node
// Plain JavaScript that any Node can read: it says which one is needed before TypeScript would confuse an old one.
var NEEDED = 24

if (Number(process.versions.node.split('.')[0]) < NEEDED) {
  console.error(
    'MiniPay needs Node.js ' +
      NEEDED +
      ' or newer, and this is ' +
      process.versions.node +
      '. In a checkout, "npm ci" installs the right one and "npm start" uses it.',
  )
  process.exitCode = 1
} else {
  import('../src/loading.js')
    .then((loading) => {
      loading.loadFast()
      return import('../src/cli.ts')
    })
    .then((cli) => cli.main(process.argv.slice(2), process.env))
}
