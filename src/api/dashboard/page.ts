/** The one HTML page of the dashboard. */
import { createHash } from 'node:crypto'
import type { Built } from './build.ts'
import { ASSETS } from './paths.ts'

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 22 22'%3E%3Crect width='22' height='22' rx='5' fill='%234f46e5'/%3E%3Cpath d='M6 15.5V7l5 5 5-5v8.5' fill='none' stroke='%23fff' stroke-width='2' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E"

export type Page = { readonly html: string; readonly policy: string }

/**
 * The page for a path below `/dashboard`. It preloads what the screen of the path needs; without that, the browser
 * would find each module only after the one that imports it.
 */
export function pageFor(assets: Omit<Built, 'files'>, path: string): Page {
  const base = `${ASSETS}/${assets.hash}`
  const imports = Object.fromEntries(
    Object.entries(assets.packages).map(([name, file]) => [name, `${base}/${file}`]),
  )
  const map = JSON.stringify({ imports })
  const screen = assets.screens.find(({ pattern }) => fits(pattern, path))
  const preloads = [...Object.values(assets.packages), ...assets.first, ...(screen?.modules ?? [])]
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>MiniPay</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="${ICON}">
<link rel="stylesheet" href="${base}/style.css">
<script type="importmap">${map}</script>
${preloads.map((file) => `<link rel="modulepreload" href="${base}/${file}">`).join('\n')}
<script type="module" src="${base}/dashboard/main.ts"></script>
</head>
<body>
<div id="dashboard"></div>
<noscript>The dashboard needs JavaScript. Without it, use the API: see /docs.</noscript>
</body>
</html>
`
  return { html, policy: policyWith(createHash('sha256').update(map).digest('base64')) }
}

function fits(pattern: string, path: string): boolean {
  return new RegExp(`^${pattern.replace(/:[^/]+/g, '[^/]+')}$`).test(path === '' ? '/' : path)
}

/** Only our own scripts and the import map run; no script may make HTML or scripts of strings (Trusted Types). */
function policyWith(importMap: string): string {
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${importMap}'`,
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ')
}
