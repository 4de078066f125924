/** The id of an item of the tools' list, for the field that has the focus meanwhile. */
export function optionId(listId: string, index: number): string {
  return `${listId}-${index}`
}
