import { NoQuery, type ServedApi, type ServedEndpoint } from '../http/endpoint.ts'
import { dashboard } from './dashboard/endpoints.ts'
import type { SignIn } from './dashboard/session.ts'
import { documentation } from './docs/documents.ts'
import type { Services } from './endpoint.ts'
import { ENDPOINTS } from './endpoints.ts'
import { OTHER_RESOURCE_NAMES, PARAMETER_WORDS } from './minipay/parameters.ts'

/** The API over these services for the server, with the pages of its documentation and with a dashboard, or without. */
export function servedApi(
  services: Services,
  version: string,
  withDocs: boolean,
  signIn: SignIn | undefined,
): ServedApi {
  const api = ENDPOINTS.map((endpoint): ServedEndpoint => {
    const { query, handle } = endpoint
    // Lists take time.
    const slow = query !== undefined && query !== NoQuery
    return { ...endpoint, slow, handle: (request, reply) => handle(services, request, reply) }
  })
  return {
    endpoints: [
      ...api,
      ...(signIn ? dashboard(signIn) : []),
      ...(withDocs ? documentation(version) : []),
      ...(signIn || withDocs ? [root(signIn !== undefined, withDocs)] : []),
    ],
    parameterWords: PARAMETER_WORDS,
    otherResourceNames: OTHER_RESOURCE_NAMES,
  }
}

/** `/` leads people to the dashboard, and programs to the documentation. */
function root(withDashboard: boolean, withDocs: boolean): ServedEndpoint {
  return {
    ...{ method: 'GET', url: '/', permission: null },
    async handle({ headers }, reply) {
      reply.header('vary', 'Accept')
      const isPerson = /\btext\/html\b/.test(headers.accept ?? '')
      return reply.redirect(withDashboard && (isPerson || !withDocs) ? '/dashboard/' : '/docs')
    },
  }
}
