/** The reference page's style: the system's own fonts, light or dark like the reader's system. */
export const DOCS_STYLE = `
:root {
  color-scheme: light dark;
  --page: #fff; --side: #f7f8fa; --line: #e3e6eb; --text: #1f2530; --soft: #5c6675; --faint: #8a93a1;
  --accent: #4f46e5; --code: #f1f3f6; --get: #0969da; --post: #16794c; --fail: #b42318; --warn: #93580a;
  --panel: #161b26; --panel-head: #10141d; --panel-text: #d6dce7; --panel-soft: #97a1b3;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace;
  --sans: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f131a; --side: #131822; --line: #262d3a; --text: #dfe4ec; --soft: #9aa4b5; --faint: #737e90;
    --accent: #a5a0ff; --code: #1c2330; --get: #6cb2ff; --post: #4ccb8f; --fail: #ff8a7d; --warn: #e2b35f;
    --panel: #161c27; --panel-head: #1b2230;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1.5rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0; display: grid; grid-template-columns: 17.5rem minmax(0, 1fr);
  background: var(--page); color: var(--text); font: 15px/1.6 var(--sans);
}
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
code, pre, .path, .name { font-family: var(--mono); }
code { font-size: .875em; background: var(--code); padding: .1em .35em; border-radius: 4px; overflow-wrap: anywhere; }
p { margin: .5rem 0; max-width: 42rem; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--page); padding: .5rem 1rem; z-index: 1; }

nav {
  position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem 3rem;
  background: var(--side); border-right: 1px solid var(--line); font-size: 13.5px;
}
nav .brand { display: flex; align-items: baseline; gap: .5rem; padding: 0 .5rem .75rem; font-weight: 700; font-size: 1.15rem; }
nav .brand a { color: var(--text); }
nav .brand small { color: var(--faint); font-weight: 400; font-size: .75rem; }
nav h2 { margin: 1.25rem .5rem .25rem; font-size: .7rem; letter-spacing: .07em; text-transform: uppercase; color: var(--faint); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: flex; gap: .55rem; align-items: baseline; padding: .26rem .5rem; border-radius: 6px; color: var(--soft); line-height: 1.4; }
nav li a:hover { background: var(--code); color: var(--text); text-decoration: none; }
nav .method { flex: none; width: 2.4rem; font-size: .62rem; }

main { padding: 2.75rem 3rem 6rem; max-width: 82rem; width: 100%; }
h1 { margin: 0 0 .5rem; font-size: 2rem; letter-spacing: -.02em; line-height: 1.2; }
.lead p { font-size: 1.05rem; color: var(--soft); }
main h2 { margin: 3.5rem 0 0; font-size: 1.4rem; letter-spacing: -.01em; }
h3 { margin: 0; font-size: 1.2rem; letter-spacing: -.01em; line-height: 1.35; }
h3 a { color: inherit; }
h4 { margin: 1.75rem 0 .25rem; font-size: .7rem; letter-spacing: .07em; text-transform: uppercase; color: var(--faint); }
.operation {
  display: grid; grid-template-columns: minmax(0, 1fr) minmax(20rem, 27rem); gap: 0 2.75rem;
  padding: 2rem 0 2.5rem; border-bottom: 1px solid var(--line);
}
.operation > aside { position: sticky; top: 1.5rem; align-self: start; min-width: 0; }
.call { display: flex; flex-wrap: wrap; gap: .6rem; align-items: baseline; margin: .6rem 0 .75rem; }
.path { font-size: .9rem; overflow-wrap: anywhere; }
.path i { font-style: normal; color: var(--warn); }
.method { font: 700 .72rem var(--mono); letter-spacing: .03em; color: var(--get); }
.method.post { color: var(--post); }
.call .method { padding: .15rem .5rem; border-radius: 5px; background: color-mix(in srgb, currentcolor 13%, transparent); }

table { width: 100%; border-collapse: collapse; }
th, td { padding: .6rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); font-weight: 400; }
tr:first-child > * { border-top: 0; }
.fields th { width: 42%; padding-right: 1.25rem; }
.fields .name { display: block; font-size: .875rem; font-weight: 600; overflow-wrap: anywhere; }
.fields .name b { font-weight: 400; color: var(--faint); }
.type { display: block; font-size: .8rem; color: var(--soft); }
.required, .optional { font-size: .68rem; font-weight: 600; color: var(--warn); margin-left: .4rem; font-family: var(--sans); }
.optional { color: var(--faint); }
.fields td { font-size: .92rem; }
.limits { color: var(--soft); font-size: .83rem; }
.limits code { font-size: .8rem; }
.schema { padding: 1.75rem 0 .5rem; max-width: 54rem; }
.schema:target h3, .operation:target h3 { text-decoration: underline; text-decoration-color: var(--accent); }
.status { font: 700 .85rem var(--mono); margin-right: .5rem; color: var(--post); }
.status.fail { color: var(--fail); }
.errors th { width: 3.5rem; }
.errors td { font-size: .92rem; line-height: 1.9; }
.errors a code { color: var(--text); }
.codes th:nth-child(2), .codes td:nth-child(2) { width: 17rem; }
.codes tr:target { background: color-mix(in srgb, var(--accent) 12%, transparent); }

figure { margin: 0 0 1rem; border-radius: 10px; overflow: hidden; background: var(--panel); color: var(--panel-text); }
@media (prefers-color-scheme: dark) { figure { border: 1px solid var(--line); } }
figcaption { padding: .45rem .95rem; background: var(--panel-head); color: var(--panel-soft); font-size: .75rem; }
pre { margin: 0; padding: .85rem .95rem; overflow-x: auto; font-size: .79rem; line-height: 1.6; tab-size: 2; }
pre code { padding: 0; background: none; font-size: inherit; overflow-wrap: normal; }
figure .key { color: #8ec7ff; }
figure .string { color: #a8dca0; }
figure .literal { color: #f0b775; }

@media (max-width: 72rem) {
  .operation { grid-template-columns: minmax(0, 1fr); }
  .operation > aside { position: static; margin-top: 1.5rem; }
}
@media (max-width: 52rem) {
  body { display: block; }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); padding-bottom: 1.25rem; }
  main { padding: 2rem 1.25rem 4rem; }
  .fields tr, .fields th, .fields td { display: block; width: 100%; padding: 0; border: 0; }
  .fields tr { padding: .6rem 0; border-top: 1px solid var(--line); }
  .codes th:nth-child(2), .codes td:nth-child(2) { width: 11rem; }
}
@media print { body { display: block; } nav { display: none; } .operation { break-inside: avoid-page; } }
`
