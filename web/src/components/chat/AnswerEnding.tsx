import type { ThreadMessage } from '@/stores/chat.store'

import { StatusNote } from './StatusNote'

interface AnswerEndingProps {
  message: ThreadMessage
  onRetry: () => void
}

/** Says how an answer ended, unless it simply came to its end. */
export function AnswerEnding({ message, onRetry }: AnswerEndingProps) {
  const { status, finishReason, content } = message
  const error = message.error ?? message.runError
  switch (status) {
    case 'cancelled':
      return <StatusNote status="cancelled" text="You stopped this answer." />
    case 'interrupted':
      return (
        <StatusNote
          status="interrupted"
          text={
            content === ''
              ? 'The server stopped before this answer began.'
              : 'The server stopped while it wrote this answer. What had arrived is kept.'
          }
          onRetry={onRetry}
        />
      )
    case 'error':
      return (
        <StatusNote
          status="error"
          text={error?.message ?? 'The model could not finish this answer.'}
          code={error?.code}
          onRetry={onRetry}
        />
      )
    case 'complete':
      return finishReason === 'length' ? (
        <StatusNote status="cancelled" text="The answer reached the model’s length limit." />
      ) : null
    case 'streaming':
      return null
  }
}
