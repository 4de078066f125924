'use client'

import { memo } from 'react'

import { isOver, partsOf } from '@/lib/calls'
import type { ThreadMessage } from '@/stores/chat.store'

import Markdown from '../Markdown'
import { ToolInvocationCard } from '../ToolInvocationCard'
import { Thinking } from './Thinking'

const EXTENT = {
  streaming: 'growing',
  complete: 'whole',
  cancelled: 'cut',
  interrupted: 'cut',
  error: 'cut',
} as const

/** A text of an answer; one that is finished does not render again with what grows after it. */
const Text = memo(Markdown)

/** What an answer says, and the calls of tools where they stand in it. */
export function AnswerParts({ message }: { message: ThreadMessage }) {
  const { status } = message
  const parts = partsOf(message)
  const last = parts.at(-1)
  const streaming = status === 'streaming'
  const reads =
    streaming && (last === undefined || (last.kind === 'calls' && last.calls.every(isOver)))
  return (
    <>
      {parts.map((part) =>
        part.kind === 'text' ? (
          <Text
            key={`text-${part.at}`}
            text={part.text}
            extent={part === last ? EXTENT[status] : 'cut'}
          />
        ) : (
          part.calls.map((call) => (
            <ToolInvocationCard key={call.id} call={call} live={streaming} />
          ))
        ),
      )}
      {reads && <Thinking label="Reading…" />}
    </>
  )
}
