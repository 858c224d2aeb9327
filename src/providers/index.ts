import type { Create } from './fields.ts'

/** Every kind of provider, a line each. A kind's code is loaded when an instance of it is configured. */
export const KINDS: Readonly<Record<string, Create>> = {
  sandbox: async (name, fields, now) => (await import('./sandbox.ts')).create(name, fields, now),
  http: async (name, fields, now) => (await import('./http.ts')).create(name, fields, now),
  demo: async (name, fields, now) => (await import('./demo.ts')).create(name, fields, now),
  stripe: async (name, fields, now) => (await import('./stripe.ts')).create(name, fields, now),
}
