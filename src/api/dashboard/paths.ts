/** The address of the files, before their hash. */
export const ASSETS = '/dashboard/assets'
