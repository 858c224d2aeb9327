/** A browser that signed in to the dashboard with an access key. */
export type DashboardSession = {
  /** `ses_…` */
  readonly id: string
  /** SHA-256 of the cookie's secret, in hex. */
  readonly hash: string
  /**
   * SHA-256 of the proof, in hex. Browsers send a cookie to every port of a host, so its secret is no proof: the page
   * keeps a second secret, which only pages of its own origin can read, and sends it with every request.
   */
  readonly proofHash: string
  /** `key_…` */
  readonly keyId: string
  /** The Host of the sign-in: under another one, the cookie was stolen or the name points to us by DNS rebinding. */
  readonly host: string
  /** The IP address of the sign-in. */
  readonly address: string
  /** Its browser in words, such as `Firefox on Linux`; null if MiniPay does not know it. */
  readonly browser: string | null
  /** ms since 1970. */
  readonly createdAt: number
  /** ms since 1970, at most a minute old: the last request for a person who acts. */
  readonly usedAt: number
}

/** A session ends after 30 minutes in which its person did nothing, and 12 hours after it began, in ms. */
export const SESSION_IDLE_MS = 30 * 60_000
export const SESSION_MS = 12 * 3_600_000
/** Random bytes of a cookie and of a proof: 256 bits. */
export const SESSION_BYTES = 32

/** Whether a session has ended by a time in ms since 1970. */
export function isSessionOver(
  { createdAt, usedAt }: Pick<DashboardSession, 'createdAt' | 'usedAt'>,
  now: number,
): boolean {
  return now - usedAt >= SESSION_IDLE_MS || now - createdAt >= SESSION_MS
}
