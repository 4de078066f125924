/**
 * For `onOpenAutoFocus`: the dialog takes the focus itself, because its first control is not what it was opened for. A
 * ring around Close would ask for it, and a field would open a phone's keyboard over the rest.
 */
export function focusItself(event: Event): void {
  event.preventDefault()
  if (event.currentTarget instanceof HTMLElement) event.currentTarget.focus()
}
