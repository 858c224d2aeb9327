import { NoQuery, type ServedApi, type ServedEndpoint } from '../http/endpoint.ts'
import { dashboard } from './dashboard/endpoints.ts'
import { documentation } from './docs/documents.ts'
import type { Services } from './endpoint.ts'
import { ENDPOINTS } from './endpoints.ts'
import { OTHER_RESOURCE_NAMES, PARAMETER_WORDS } from './minipay/parameters.ts'

/** The API over these services for the server, with the pages of its documentation or without. */
export function servedApi(services: Services, version: string, withDocs: boolean): ServedApi {
  const api = ENDPOINTS.map((endpoint): ServedEndpoint => {
    const { query, handle } = endpoint
    // Lists take time.
    const slow = query !== undefined && query !== NoQuery
    return { ...endpoint, slow, handle: (request, reply) => handle(services, request, reply) }
  })
  return {
    endpoints: [...api, ...dashboard(), ...(withDocs ? documentation(version) : [])],
    parameterWords: PARAMETER_WORDS,
    otherResourceNames: OTHER_RESOURCE_NAMES,
  }
}
