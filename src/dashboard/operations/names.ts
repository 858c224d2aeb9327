import type { ProviderView } from '../../api/minipay/provider-schemas.ts'
import { api } from '../api.ts'
import { can } from '../me.ts'
import { useResource } from '../resource.ts'
import type { Filter } from '../ui/filters.ts'

/** The providers; none until they are loaded. */
export function useProviders(): readonly ProviderView[] {
  const providers = useResource(
    async () =>
      can('operations:read') ? api.get<{ data: readonly ProviderView[] }>('/providers') : { data: [] },
    [],
  )
  return providers.data.value?.data ?? []
}

/** A choice of the providers; a field where they are not known. */
export function providerFilter(names: readonly string[]): Filter {
  const filter = { name: 'provider', label: 'Provider' }
  return names.length > 0
    ? { ...filter, kind: 'select', choices: names.map((name) => [name, name]) }
    : { ...filter, kind: 'text' }
}
