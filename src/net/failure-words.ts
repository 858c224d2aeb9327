/** Why a request got no response, in words that need no list of error codes. */

/** An error of a connection, with facts that `connector` adds. */
export type ConnectionError = Error & {
  readonly code?: string
  /** Of a certificate that was refused because of the time, as OpenSSL writes times. */
  readonly validFrom?: string
  readonly validTo?: string
}

const WORDS: Readonly<Record<string, string>> = {
  FORBIDDEN_ADDRESS: 'the address of the receiver is not allowed',
  ENOTFOUND: 'DNS: no such name',
  EAI_AGAIN: 'DNS: the name server did not respond',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the receiver closed the connection without a response',
  EPIPE: 'the receiver closed the connection without a response',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  HEADERS_TOO_LONG: 'the headers of the response are too long',
  ONLY_INTERIM: 'the receiver sent only interim responses',
  NOT_HTTP: 'the response is not HTTP',
  CLIENT_CLOSED: 'the client is closed',
  RESPONSE_TOO_LONG: 'the response is too long',
  EMFILE: 'too many open files on the server',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'TLS: the certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'TLS: the certificate is from an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'TLS: the certificate is from an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'TLS: the certificate is from an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'TLS: the certificate is from an unknown authority, or an intermediate certificate is missing',
  ERR_TLS_CERT_ALTNAME_INVALID: 'TLS: the certificate is for another name',
  CERT_REVOKED: 'TLS: the certificate was revoked',
  ERR_SSL_WRONG_VERSION_NUMBER: 'TLS: the receiver does not speak TLS on this port',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'TLS: the receiver does not speak TLS on this port',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'TLS: the receiver does not speak HTTP/1.1',
}

export function failureWords(error: ConnectionError): string {
  const { code = '', message } = error
  if (code === 'CERT_HAS_EXPIRED')
    return `TLS: the certificate ${at('expired', error.validTo, 'has expired')}`
  if (code === 'CERT_NOT_YET_VALID')
    return `TLS: the certificate ${at('is not valid before', error.validFrom, 'is not valid yet')}`
  if (code.startsWith('DNS:')) return code
  const words = WORDS[code]
  if (words !== undefined) return words
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code.startsWith('CERT_'))
    return `TLS: ${nameOf(code)}`
  return (code === '' ? message : code).slice(0, 200) || 'failed'
}

/** The day of a time such as `May  1 00:00:00 2026 GMT`. */
function at(verb: string, time: string | undefined, otherwise: string): string {
  const ms = Date.parse(time ?? '')
  if (Number.isNaN(ms)) return otherwise
  const day = new Date(ms).toISOString().slice(0, 10)
  return verb === 'expired' ? `expired on ${day}` : `${verb} ${day}`
}

/** `ERR_SSL_NO_SHARED_CIPHER` becomes `no shared cipher`. */
function nameOf(code: string): string {
  return code
    .replace(/^(?:ERR_(?:SSL|TLS)_)?/, '')
    .replaceAll('_', ' ')
    .toLowerCase()
}
