/** The reference page: the OpenAPI document as one HTML page, without scripts, so that it works anywhere. */
export function docsPage(_document: unknown): string {
  return ''
}
