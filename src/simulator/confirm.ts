import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Simulator } from './control.ts'
import { parseObject, readBody, sendJson } from './json.ts'

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Confirm the payment</title>
<form method="post">
  <p>The simulated bank asks: did you make this payment?</p>
  <button name="approve" value="true">Yes, pay</button>
  <button name="approve" value="false">No</button>
</form>
`
const SECURITY = {
  'content-security-policy': "default-src 'none'; form-action 'self'",
  'cache-control': 'no-store',
}

/** The page where a customer approves or rejects a payment; false if the path is another one. */
export async function confirm(
  simulator: Simulator,
  request: IncomingMessage,
  response: ServerResponse,
  { pathname }: URL,
): Promise<boolean> {
  const [, id = ''] = /^\/confirm\/([^/]+)$/.exec(pathname) ?? []
  if (id === '' || (request.method !== 'GET' && request.method !== 'POST')) return false
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...SECURITY }).end(PAGE)
    return true
  }
  const approve = approval((await readBody(request)) ?? Buffer.alloc(0))
  const done =
    approve !== undefined && (await simulator.writer.run(() => simulator.processor.confirm(id, approve)))
  simulator.later.wake()
  if (approve === undefined) sendJson(response, 400, { error: 'approve must be true or false' })
  else if (done) sendJson(response, 200, { status: approve ? 'approved' : 'refused' })
  else sendJson(response, 409, { error: 'This payment does not wait for its customer.' })
  return true
}

/** From the form, or from JSON. */
function approval(bytes: Buffer): boolean | undefined {
  const value = parseObject(bytes)?.['approve'] ?? new URLSearchParams(bytes.toString()).get('approve')
  if (value === true || value === 'true') return true
  return value === false || value === 'false' ? false : undefined
}
