'use client'

import { useEffect, useState } from 'react'

import { listConversations } from '@/lib/api'
import type { Conversation } from '@/types/chat'

/** How long typing must rest before the server is asked, in milliseconds. */
const REST_MS = 150
const SHOWN = 12

interface Found {
  text: string
  items: readonly Conversation[]
}

export interface ConversationSearch {
  items: readonly Conversation[]
  state: 'searching' | 'done'
}

/**
 * Conversations whose title or messages hold `text`; the newest for an empty one. A search of its
 * own, so that the history panel keeps its list. A search that fails finds nothing.
 */
export function useConversationSearch(text: string): ConversationSearch {
  const [found, setFound] = useState<Found>({ text: '', items: [] })
  const query = text.trim()

  useEffect(() => {
    const left = new AbortController()
    const timer = setTimeout(
      () => {
        listConversations(
          { limit: SHOWN, ...(query !== '' && { q: query }) },
          { fetch: (input, init) => fetch(input, init), signal: left.signal },
        ).then(
          ({ items }) => {
            setFound({ text: query, items })
          },
          () => {
            if (!left.signal.aborted) setFound({ text: query, items: [] })
          },
        )
      },
      query === '' ? 0 : REST_MS,
    )
    return () => {
      clearTimeout(timer)
      left.abort()
    }
  }, [query])

  return { items: found.items, state: found.text === query ? 'done' : 'searching' }
}
