'use client'

import { memo } from 'react'

import { useMessage } from '@/stores/chat.store'

import { AssistantMessage } from './chat/AssistantMessage'
import { UserMessage } from './chat/UserMessage'

interface ChatMessageProps {
  id: string
  thread: string
  /** The newest message keeps its actions in view. */
  last: boolean
}

/** One message. It reads itself from the store, so a token renders this component and no other. */
export const ChatMessage = memo(function ChatMessage({ id, thread, last }: ChatMessageProps) {
  const message = useMessage(id)
  if (message === undefined) return null
  switch (message.role) {
    case 'user':
      return <UserMessage message={message} thread={thread} />
    case 'assistant':
      return <AssistantMessage message={message} thread={thread} last={last} />
    case 'system':
    case 'tool':
      return null
  }
})
