/** The field that searches the list of tools. */
export const SEARCH_ID = 'search-tools'

export function focusSearch(): void {
  document.getElementById(SEARCH_ID)?.focus()
}
