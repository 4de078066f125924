'use client'

import { useEffect, useState } from 'react'

import { threadOf } from '@/stores/chat.state'
import { chatStore, type ChatState } from '@/stores/chat.store'

/** How much of an answer is read out by itself, in characters; the rest is there to be read. */
const SPOKEN = 600

const ENDINGS: Partial<Record<string, string>> = {
  cancelled: 'Answer stopped.',
  interrupted: 'Answer interrupted.',
  error: 'The answer ended with an error.',
}

function spoken(markdown: string): string {
  const plain = markdown
    .replace(/```[^\n]*\n[\s\S]*?(?:```|$)/g, ' (code) ')
    .replace(/[*_`#>|]/g, '')
    .replace(/\s+/g, ' ')
    .trim()
  return plain.length > SPOKEN ? `${plain.slice(0, SPOKEN)} …` : plain
}

function announcementOf(state: ChatState, messageId: string): string {
  const message = state.messages[messageId]
  if (message === undefined) return ''
  return [ENDINGS[message.status] ?? 'Answer finished.', spoken(message.content)].join(' ')
}

/** Tells a screen reader that an answer has begun, and what it says once it is finished. */
export function Announcer({ thread }: { thread: string }) {
  const [text, setText] = useState('')

  useEffect(() => {
    const runOf = (state: ChatState) => threadOf(state, thread).runs.at(-1)
    let before = runOf(chatStore.getState())
    return chatStore.subscribe((state) => {
      const run = runOf(state)
      if (run === before) return
      const ended = run === undefined ? before?.messageId : undefined
      if (run !== undefined && run.key !== before?.key) setText('Answering.')
      if (ended !== undefined) setText(announcementOf(state, ended))
      before = run
    })
  }, [thread])

  return (
    <div role="status" aria-live="polite" className="sr-only" data-announcer="">
      {text}
    </div>
  )
}
