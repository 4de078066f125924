'use client'

import { onDemand } from '@/hooks/on-demand'
import { useQuestions } from '@/stores/approvals.store'

const useRequest = onDemand(async () => (await import('./QuestionRequest')).default)

interface CallQuestionProps {
  callId: string
  /** Called as soon as it was answered: the form is about to go away, and the focus with it. */
  onAnswer: () => void
}

/** What the tool of a call asks the person, while it does. */
export function CallQuestion({ callId, onAnswer }: CallQuestionProps) {
  const question = useQuestions().find((one) => one.callId === callId)
  const draw = useRequest(question !== undefined)
  if (question === undefined || draw === undefined) return null
  return (
    <div className="border-t px-3.5 py-3" data-call-question={question.id}>
      {draw({ key: question.id, question, onAnswer })}
    </div>
  )
}
