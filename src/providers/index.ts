import type { Create } from './fields.ts'

/** Every kind of provider, a line each. A kind's code is loaded when an instance of it is configured. */
export const KINDS: Readonly<Record<string, Create>> = {
  sandbox: async (name, fields) => (await import('./sandbox.ts')).create(name, fields),
  http: async (name, fields) => (await import('./http.ts')).create(name, fields),
  stripe: async (name, fields) => (await import('./stripe.ts')).create(name, fields),
}
