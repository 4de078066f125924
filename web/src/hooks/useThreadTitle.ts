import { useEffect, useState } from 'react'
import { useStore } from 'zustand'

import { requestJson } from '@/lib/fetcher'
import { zConversation } from '@/lib/validators'
import { NEW_THREAD } from '@/stores/chat.store'
import { conversationsStore, useConversation } from '@/stores/conversations.store'

interface Asked {
  thread: string
  title: string
}

/**
 * The title of a conversation, also of one that the history has not listed yet; undefined while it
 * is not known, and for a thread that has no conversation.
 */
export function useThreadTitle(thread: string): string | undefined {
  const listed = useConversation(thread)?.title
  const [asked, setAsked] = useState<Asked>()
  const listIsThere = useStore(conversationsStore, ({ load }) => load.kind === 'ready')
  const unknown = listed === undefined && listIsThere && thread !== NEW_THREAD

  useEffect(() => {
    if (!unknown) return
    const left = new AbortController()
    requestJson(`/api/conversations/${thread}`, zConversation, { signal: left.signal }).then(
      ({ title }) => {
        setAsked({ thread, title })
      },
      // Whether it exists is told by its messages, where there is room to say so.
      () => undefined,
    )
    return () => {
      left.abort()
    }
  }, [thread, unknown])

  return listed ?? (asked?.thread === thread ? asked.title : undefined)
}
