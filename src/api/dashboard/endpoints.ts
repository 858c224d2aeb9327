/** Serves the dashboard: its page under every path, and its files. */
import type { Reply, Request, ServedEndpoint } from '../../http/endpoint.ts'
import { sendRefusal } from '../../http/endpoint.ts'
import { hasRepresentation } from '../../http/entity-tag.ts'
import { refuse } from '../../http/errors.ts'
import { removeCorsHeaders } from '../../http/origins.ts'
import { prefersGzip } from '../accept.ts'
import type { Assets } from './assets.ts'
import { ASSETS } from './paths.ts'
import { type SignIn, sessionEndpoints } from './session.ts'

const BASE = '/dashboard'
/** A file is under an address with the hash of all of them, so it never changes. */
const FOR_EVER = 'public, max-age=31536000, immutable'

/** The endpoints of the dashboard. Nothing of it is loaded before the first request. */
export function dashboard(signIn: SignIn): ServedEndpoint[] {
  const assets = async () => (await import('./assets.ts')).assets()
  const open = { method: 'GET', permission: null } as const
  return [
    { ...open, url: BASE, handle: async (request, reply) => sendPage(await assets(), request, reply) },
    { ...open, url: `${BASE}/*`, handle: async (request, reply) => sendPage(await assets(), request, reply) },
    {
      ...open,
      url: `${ASSETS}/*`,
      handle: async (request, reply) => sendAsset(await assets(), request, reply),
    },
    ...sessionEndpoints(signIn),
  ]
}

function sendPage(assets: Assets, request: Request, reply: Reply): Reply {
  const path = (request.url.split('?')[0] as string).slice(BASE.length).replace(/\/$/, '')
  const { html, policy } = assets.pageFor(path)
  return removeCorsHeaders(reply)
    .header('content-security-policy', policy)
    .header('content-type', 'text/html; charset=utf-8')
    .header('cache-control', 'no-cache')
    .send(html)
}

async function sendAsset(assets: Assets, request: Request, reply: Reply): Promise<Reply> {
  const { '*': rest = '' } = request.params as { '*'?: string }
  const [hash, ...path] = rest.split('/')
  const asset = hash === assets.hash ? assets.files.get(path.join('/')) : undefined
  // Never another version's file: the page of that version would break.
  if (!asset) return sendRefusal(reply, refuse('route_not_found', 'The dashboard has no such file.'))
  const { 'accept-encoding': accepted, 'if-none-match': known } = request.headers
  const zips = await prefersGzip(typeof accepted === 'string' ? accepted : undefined)
  // Weak for gzip: another version of the library, on another node, may compress to other bytes.
  const entityTag = zips ? `W/"${hash}-gzip"` : `"${hash}"`
  removeCorsHeaders(reply)
    .header('content-type', asset.type)
    .header('cache-control', FOR_EVER)
    .header('vary', 'Accept-Encoding')
    .header('etag', entityTag)
  if (hasRepresentation(known, entityTag)) return reply.code(304).send()
  if (!zips) return reply.send(asset.plain())
  return reply.header('content-encoding', 'gzip').send(asset.gzip)
}
