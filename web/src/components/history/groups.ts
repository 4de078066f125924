import type { Conversation } from '@/types/chat'

export interface HistoryGroup {
  label: string
  items: Conversation[]
}

const DAY_MS = 86_400_000

/** The midnight before a time on the person's clock, in milliseconds since the epoch. */
function startOfDay(time: number): number {
  return new Date(time).setHours(0, 0, 0, 0)
}

function labelOf(conversation: Conversation, today: number): string {
  if (conversation.pinned) return 'Pinned'
  const updated = Date.parse(conversation.updatedAt)
  if (updated >= today) return 'Today'
  // Not simply a day earlier: a day of a clock change has 23 or 25 hours.
  if (updated >= startOfDay(today - DAY_MS / 2)) return 'Yesterday'
  if (updated >= startOfDay(today - 6.5 * DAY_MS)) return 'Previous 7 days'
  return 'Older'
}

const ORDER = ['Pinned', 'Today', 'Yesterday', 'Previous 7 days', 'Older']

/**
 * Conversations under the headings of the history panel; the order within a heading is kept.
 * `today` is the last midnight, in milliseconds since the epoch.
 */
export function groupConversations(items: readonly Conversation[], today: number): HistoryGroup[] {
  const groups = new Map<string, Conversation[]>(ORDER.map((label) => [label, []]))
  for (const conversation of items) groups.get(labelOf(conversation, today))?.push(conversation)
  return [...groups].flatMap(([label, group]) =>
    group.length > 0 ? [{ label, items: group }] : [],
  )
}
