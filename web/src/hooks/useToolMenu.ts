import { type KeyboardEvent, useEffect, useState } from 'react'

import { tools, useTools } from '@/stores/tools.store'
import type { ToolInfo } from '@/types/tools'

/** A slash and the beginning of a name, and nothing else. */
const QUERY = /^\/([\w-]*)$/

/** The list of tools over the composer. */
export interface ToolMenu {
  readonly open: boolean
  readonly items: readonly ToolInfo[]
  /** The item that Enter takes. */
  readonly active: number
  readonly activate: (index: number) => void
  readonly pick: (tool: ToolInfo) => void
  /** Takes the keys that are the list's; true when it has taken this one. */
  readonly onKeyDown: (event: KeyboardEvent) => boolean
}

/** Lists tools while the text is a slash and the beginning of a name. */
export function useToolMenu(text: string, onPick: (tool: ToolInfo) => void): ToolMenu {
  const query = QUERY.exec(text)?.[1]?.toLowerCase()
  const wanted = query !== undefined
  const { items: known } = useTools()
  const [closedAt, setClosedAt] = useState<string>()
  const [place, setPlace] = useState({ query, index: 0 })

  useEffect(() => {
    if (wanted) void tools.load()
  }, [wanted])

  const items = wanted ? matching(known, query) : []
  const open = items.length > 0 && closedAt !== text
  const active = place.query === query ? Math.min(place.index, items.length - 1) : 0
  const activate = (index: number) => {
    setPlace({ query, index: (index + items.length) % items.length })
  }

  return {
    open,
    items,
    active,
    activate,
    pick: onPick,
    onKeyDown: (event) => {
      if (!open || event.nativeEvent.isComposing || event.shiftKey) return false
      const tool = items[active]
      switch (event.key) {
        case 'ArrowDown':
          activate(active + 1)
          break
        case 'ArrowUp':
          activate(active - 1)
          break
        case 'Enter':
        case 'Tab':
          if (tool) onPick(tool)
          break
        case 'Escape':
          setClosedAt(text)
          break
        default:
          return false
      }
      event.preventDefault()
      return true
    },
  }
}

/** Tools that may run and whose name or title has the words in it; those that begin with them first. */
function matching(known: readonly ToolInfo[], query: string): ToolInfo[] {
  const rank = ({ name, title }: ToolInfo) => {
    const [id, words] = [name.toLowerCase(), title.toLowerCase()]
    if (id.startsWith(query) || words.startsWith(query)) return 0
    return id.includes(query) || words.includes(query) ? 1 : 2
  }
  return known
    .filter((tool) => tool.permission !== 'deny' && rank(tool) < 2)
    .sort((a, b) => rank(a) - rank(b) || a.title.localeCompare(b.title))
}
