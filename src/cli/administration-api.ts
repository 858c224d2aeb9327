/** API keys, accounts and the audit log through the API of a server. */
import { ConfigError } from '../config.ts'
import type { AccountRow, Administration, AuditRow, KeyRow, MadeKeyRow } from './administration.ts'
import { type ApiClient, ApiError } from './api.ts'

type Page<T> = { readonly data: readonly T[]; readonly has_more: boolean }
type Fields = Readonly<Record<string, string | number | undefined>>

const KEYS = '/api/v1/keys'
const ACCOUNTS = '/api/v1/accounts'
const PAGE = 100

/** Whether the server serves these calls. Without a key, it does until the first one is made. Throws `ApiError`. */
export async function isAdmitted(api: ApiClient): Promise<boolean> {
  try {
    await api.get(`${KEYS}?limit=1`)
    return true
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return false
    throw error
  }
}

export function apiAdministration(api: ApiClient): Administration {
  const each = (path: string, id: string, verb = '') => `${path}/${encodeURIComponent(id)}${verb}`

  async function all<T extends { readonly id: string }>(path: string, fields: Fields): Promise<T[]> {
    const found: T[] = []
    for (;;) {
      const after = found.at(-1)?.id
      const { data, has_more } = await api.get<Page<T>>(
        path + query({ ...fields, limit: PAGE, starting_after: after }),
      )
      found.push(...data)
      if (!has_more) return found
    }
  }

  return {
    needsMode: false,
    // A key was made already when this is read: another failure must not hide that.
    isShutOut: async () => !(await isAdmitted(api).catch(() => true)),
    createKey: (key) => api.post<MadeKeyRow>(KEYS, key),
    rollKey: (id, overlapSeconds) =>
      api.post<MadeKeyRow>(
        each(KEYS, id, '/roll'),
        overlapSeconds === undefined ? {} : { overlap_seconds: overlapSeconds },
      ),
    revokeKey: (id) => api.post<KeyRow>(each(KEYS, id, '/revoke'), {}),
    renameKey: (id, name) => api.patch<KeyRow>(each(KEYS, id), { name }),
    keys: (choice) => all<KeyRow>(KEYS, choice),
    createAccount: (name) => api.post<AccountRow>(ACCOUNTS, { name }),
    renameAccount: (id, name) => api.patch<AccountRow>(each(ACCOUNTS, id), { name }),
    closeAccount: (id) => api.post<AccountRow>(each(ACCOUNTS, id, '/close'), {}),
    accounts: () => all<AccountRow>(ACCOUNTS, {}),
    async audit(choice, limit) {
      if (choice.account !== undefined || choice.mode !== undefined)
        throw new ConfigError(
          'A server shows the audit log of the account and mode of the API key. Leave --account and --mode out, or give --database.',
        )
      const page = await api.get<Page<AuditRow>>(`/api/v1/audit${query({ ...choice, limit })}`)
      return { entries: page.data, more: page.has_more }
    },
    close: async () => {},
  }
}

function query(fields: Fields): string {
  const given = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  )
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}
