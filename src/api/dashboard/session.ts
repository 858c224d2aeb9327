/** Signing in to the dashboard: a key is sent once, and the browser keeps a cookie and a proof in its place. */
import type { Authenticated } from '../../app/access/keyring.ts'
import { type RateLimits, SIGN_INS } from '../../app/access/rate-limits.ts'
import type { Sessions } from '../../app/access/sessions.ts'
import { browserWords } from '../../domain/access/browser-words.ts'
import {
  NoQuery,
  type Reply,
  type Request,
  type ServedEndpoint,
  sendObject,
  sendRefusal,
} from '../../http/endpoint.ts'
import { type Refusal, refuse } from '../../http/errors.ts'
import { refusalOfRate, refusalOfSignIns } from '../../http/limits.ts'
import { removeCorsHeaders } from '../../http/origins.ts'
import { strict, string } from '../../http/schema.ts'
import { pageProof, refusalOfOtherPage, sessionSecret, setSessionCookie } from '../../http/session-cookie.ts'
import { bodyValidator } from '../minipay/parameters.ts'

export type SignIn = {
  readonly sessions: Pick<Sessions, 'begin' | 'end'>
  readonly rates: Pick<RateLimits, 'request' | 'signIn'>
  /** The key that a person typed, or why not. */
  readonly checkKey: (request: Request, typed: string) => Promise<Authenticated | Refusal>
}

const URL = '/dashboard/session'
const SignInBody = strict({ key: string() })
const validSignIn = bodyValidator(SignInBody)

export function sessionEndpoints(signIn: SignIn): ServedEndpoint[] {
  const open = { url: URL, permission: null, query: NoQuery } as const
  return [
    {
      ...{ ...open, method: 'POST', body: SignInBody },
      handle: (request, reply) => begin(signIn, request, reply),
    },
    {
      ...{ ...open, method: 'DELETE' },
      async handle(request, reply) {
        removeCorsHeaders(reply)
        const refused = refusalOfOtherPage(request)
        if (refused) return sendRefusal(reply, refused)
        if (!(await endSession(signIn, request))) return sendRefusal(reply, NOT_ITS_PAGE)
        setSessionCookie(request, reply, '')
        return reply.code(204).send()
      },
    },
  ]
}

/** Ends the session of the request's cookie; false if the request lacks its proof. */
function endSession({ sessions }: SignIn, request: Request): Promise<boolean> {
  return sessions.end(sessionSecret(request) ?? '', pageProof(request))
}

const NOT_ITS_PAGE = refuse(
  'dashboard_origin_required',
  'Only the page that signed in can end this session.',
  'X-MiniPay-Dashboard',
)

async function begin(signIn: SignIn, request: Request, reply: Reply): Promise<Reply> {
  removeCorsHeaders(reply)
  // Another page could sign its visitor in with a key of its own, and see the payments that the visitor then makes.
  const refused = refusalOfOtherPage(request)
  if (refused) return sendRefusal(reply, refused)
  const { key } = validSignIn(request.body)
  const found = await signIn.checkKey(request, key.trim())
  if ('status' in found) return sendRefusal(reply, found)
  const { id, rateLimit } = found.key
  const limited = refusalOfRate(signIn.rates, { ...request.caller, keyId: id, rateLimit }, reply)
  if (limited) return sendRefusal(reply, limited)
  const taken = signIn.rates.signIn(id)
  if (!taken.allowed) return sendRefusal(reply, refusalOfSignIns(SIGN_INS, taken))
  const { host = '', 'user-agent': agent } = request.headers
  const made = await signIn.sessions.begin(found, {
    ...{ address: request.client.address, host: host.toLowerCase(), requestId: request.id },
    browser: browserWords(agent),
  })
  if (!made) return sendRefusal(reply, refuse('unauthenticated', 'This API key was revoked.', 'key'))
  // The former session of this browser. One that another server planted stays as it is: its proof is not here.
  await endSession(signIn, request)
  setSessionCookie(request, reply, made.cookie)
  return sendObject(reply, { proof: made.proof })
}
