'use client'

import { useCallback } from 'react'

import { chat, type ThreadMessage } from '@/stores/chat.store'
import { useSelectedModel } from '@/stores/models.store'

import { focusComposer } from '../composer-id'
import { reportFailure } from '../toasts'
import { AnswerActions } from './AnswerActions'
import { AnswerEnding } from './AnswerEnding'
import { AnswerParts } from './AnswerParts'

interface AssistantMessageProps {
  message: ThreadMessage
  thread: string
  last: boolean
}

/** An answer: plain text over the whole column, its ending, and what can be done with it. */
export function AssistantMessage({ message, thread, last }: AssistantMessageProps) {
  const { id, status } = message
  const model = useSelectedModel()?.id
  const streaming = status === 'streaming'

  // The note on such an ending has the button already.
  const hasRetry = status === 'error' || status === 'interrupted'

  const regenerate = useCallback(() => {
    void chat
      .regenerate({ thread, messageId: id, ...(model !== undefined && { model }) })
      .then(reportFailure)
    // The button that was pressed goes away with the answer it belongs to.
    focusComposer()
  }, [thread, id, model])

  return (
    <article
      aria-label="Answer"
      aria-busy={streaming}
      data-message-id={id}
      data-role="assistant"
      data-status={status}
      className="group/message column pt-2 pb-2"
    >
      <AnswerParts message={message} />
      {!streaming && (
        <>
          <AnswerEnding message={message} onRetry={regenerate} />
          <AnswerActions
            message={message}
            last={last}
            onRegenerate={hasRetry ? undefined : regenerate}
          />
        </>
      )}
    </article>
  )
}
