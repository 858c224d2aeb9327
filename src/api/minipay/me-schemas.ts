/** The schemas of the caller itself. */
import { PERMISSIONS } from '../../domain/access/permissions.ts'
import {
  array,
  boolean,
  named,
  nullable,
  object,
  oneOf,
  type Schema,
  type Static,
  string,
} from '../../http/schema.ts'
import { accountId, keyId, time } from './fields.ts'
import { permission, role } from './key-schemas.ts'

const flag = (description: string): Schema<boolean> => ({ ...boolean(), description })

export const Me = named(
  'Me',
  object({
    account: named(
      'OwnAccount',
      object({
        id: accountId,
        name: string({ description: 'The name of the account.', examples: ['Shop in Lisbon'] }),
      }),
      'The account of the request.',
    ),
    mode: oneOf(['test', 'live'], { description: 'The mode of the request. Money moves in live mode only.' }),
    access: oneOf(['key', 'loopback', 'open'], {
      description:
        'Why MiniPay served the request: `key`: its API key. `loopback`: no key was ever made, and only this machine reaches the server. `open`: the server runs with `--insecure-no-auth`.',
    }),
    key: {
      ...nullable(
        named(
          'OwnKey',
          object({
            id: keyId,
            name: string({ description: 'The name of the key.', examples: ['Support desk'] }),
            role: { ...nullable(role), description: 'Its role. Null: it has a list of permissions.' },
            expires_at: nullable({ ...time, description: 'From then on, MiniPay refuses the key.' }),
          }),
          'The API key of the request.',
        ),
      ),
      description: 'The API key of the request. Null: it has none.',
    },
    permissions: {
      ...array(permission),
      description: `What the request may do, with \`read\` for each \`write\`: of ${PERMISSIONS.length} permissions at most.`,
    },
    version: string({ description: 'The version of MiniPay.', examples: ['0.1.0'] }),
    public_url: nullable(
      string({
        description:
          'The address under which others reach the server, from the setting `--public-url`. Null: it is not set.',
        examples: ['https://pay.example.com'],
      }),
    ),
    features: named(
      'Features',
      object({
        docs: flag('The server shows its API reference at `/docs`.'),
        sandbox: flag('A sandbox in the server takes the test cards of docs/sandbox.md.'),
        webhook_endpoints: flag('Webhook endpoints can be made: the server has a key for their secrets.'),
      }),
      'Which parts of this server can be used.',
    ),
  }),
  'Who makes the request, and what it may do.',
)
export type MeView = Static<typeof Me>
