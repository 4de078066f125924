/** Items that show the person's changes before the server has made them. */
export interface OptimisticItems<Item> {
  /** Takes in an item as the server has it. Returns it as it is shown: with the changes that are not answered yet. */
  readonly take: (id: string, item: Item) => Item
  /**
   * Shows a change, then asks the server for it; `ask` gets the item as the server has it by then. Changes of one item are asked
   * for one after another, so the last one counts. A refused change is taken back without touching anything else.
   *
   * Rejects with what `ask` rejects with.
   */
  readonly change: (
    id: string,
    change: Partial<Item>,
    ask: (item: Item) => Promise<Item>,
  ) => Promise<void>
  readonly forget: (id: string) => void
}

interface Entry<Item> {
  /** As the server has it. */
  item: Item
  /** The changes that are not answered yet, oldest first. */
  changes: readonly Partial<Item>[]
  /** Settles with the newest change. */
  settled: Promise<unknown>
}

/** Starts without items. Calls `show` with each item that looks different by a change or its end. */
export function createOptimisticItems<Item extends object>(
  show: (id: string, item: Item) => void,
): OptimisticItems<Item> {
  const entries = new Map<string, Entry<Item>>()

  return {
    take: (id, item) => {
      const entry = entries.get(id)
      if (entry) entry.item = item
      else entries.set(id, { item, changes: [], settled: Promise.resolve() })
      return entry ? shown(entry) : item
    },

    change: async (id, change, ask) => {
      const entry = entries.get(id)
      if (!entry) return
      entry.changes = [...entry.changes, change]
      show(id, shown(entry))
      const asked = entry.settled.then(() => ask(entry.item))
      entry.settled = asked.catch(() => undefined)
      try {
        entry.item = await asked
      } finally {
        entry.changes = entry.changes.filter((other) => other !== change)
        if (entries.get(id) === entry) show(id, shown(entry))
      }
    },

    forget: (id) => {
      entries.delete(id)
    },
  }
}

function shown<Item extends object>({ changes, item }: Entry<Item>): Item {
  return changes.reduce<Item>((shownSoFar, change) => ({ ...shownSoFar, ...change }), item)
}
