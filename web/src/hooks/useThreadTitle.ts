import { useEffect } from 'react'
import { useStore } from 'zustand'

import { NEW_THREAD, useThreadLoad } from '@/stores/chat.store'
import { conversations, conversationsStore, useConversation } from '@/stores/conversations.store'

/**
 * The title of a conversation, also of one that the history has not listed yet; undefined while it
 * is not known, and for a thread that has no conversation.
 */
export function useThreadTitle(thread: string): string | undefined {
  const title = useConversation(thread)?.title
  const listIsThere = useStore(conversationsStore, ({ load }) => load.kind === 'ready')
  // A thread with messages is a conversation that exists.
  const exists = useThreadLoad(thread).kind === 'ready'
  const unknown = title === undefined && listIsThere && exists && thread !== NEW_THREAD

  useEffect(() => {
    if (unknown) void conversations.ensure(thread)
  }, [thread, unknown])

  return title
}
