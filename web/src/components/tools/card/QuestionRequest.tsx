'use client'

import { ExternalLink } from 'lucide-react'
import Link from 'next/link'
import { useId, useMemo, useState } from 'react'

import { ToolFormField } from '@/components/chat/ToolFormField'
import { Button } from '@/components/ui/button'
import { threadPath } from '@/hooks/useCurrentThread'
import { useFaultFocus } from '@/hooks/useFaultFocus'
import { answerQuestion } from '@/lib/api'
import { systemClock } from '@/lib/clock'
import { ApiError } from '@/lib/errors'
import { toFailure } from '@/lib/failure'
import {
  type Faults,
  type Written,
  argumentsFrom,
  defaultsOf,
  faultsFrom,
  fieldsFor,
} from '@/lib/tool-form'
import { approvals } from '@/stores/approvals.store'
import type { AnswerQuestion, Question } from '@/types/tools'

interface QuestionRequestProps {
  question: Question
  /** Called as soon as it was answered. */
  onAnswer: () => void
  /** The person goes to the conversation. Given where the form stands outside of it. */
  onLeave?: () => void
}

/** What a tool asks the person in the middle of a call, as a form. Its words are the server's, not Weir's. */
export default function QuestionRequest({ question, onAnswer, onLeave }: QuestionRequestProps) {
  const { conversationId, id, message, schema, server, url } = question
  const fields = useMemo(() => fieldsFor(schema ?? {}), [schema])
  const [written, setWritten] = useState<Written>(() => defaultsOf(schema ?? {}))
  const [faults, setFaults] = useState<Faults>({})
  const [sending, setSending] = useState(false)
  const form = useFaultFocus(faults)
  const askerId = useId()
  const titleId = useId()

  const send = async (answer: AnswerQuestion) => {
    setFaults({})
    setSending(true)
    try {
      await answerQuestion(id, answer, { fetch: (input, init) => fetch(input, init) })
    } catch (error) {
      // Somebody was faster, on another device, or the server asks no more.
      const isOver = error instanceof ApiError && error.status === 404
      if (!isOver) {
        const { fields: wrong, message: why } = toFailure(error, systemClock.now())
        setFaults(wrong ? faultsFrom(fields, wrong, 'content') : { '': why })
        setSending(false)
        return
      }
    }
    onAnswer()
    approvals.settleQuestion(id)
  }
  const accept = () => {
    if (schema === undefined) return send({ action: 'accept' })
    const read = argumentsFrom(fields, written)
    if ('args' in read) return send({ action: 'accept', content: read.args })
    setFaults(read.faults)
    return Promise.resolve()
  }

  return (
    <form
      ref={form}
      // Beside the one in the conversation it needs a name of its own.
      aria-labelledby={onLeave === undefined ? titleId : `${askerId} ${titleId}`}
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault()
        if (!sending) void accept()
      }}
    >
      <div className="flex flex-col gap-0.5">
        <p id={askerId} className="text-xs text-muted-foreground">
          The server <strong className="font-medium text-foreground">{server}</strong> asks:
        </p>
        <p
          id={titleId}
          className="text-sm font-medium [overflow-wrap:anywhere] whitespace-pre-wrap"
        >
          {message}
        </p>
      </div>
      {url !== undefined && (
        <a
          href={url}
          target="_blank"
          rel="noopener noreferrer"
          className="inline-flex items-center gap-1.5 text-[0.8125rem] [overflow-wrap:anywhere] underline underline-offset-3"
        >
          <ExternalLink aria-hidden="true" className="size-3.5 shrink-0" />
          {url}
        </a>
      )}
      {fields.map((field) => (
        <ToolFormField
          key={field.name}
          field={field}
          first={false}
          value={written[field.name]}
          fault={faults[field.name]}
          onChange={(value) => {
            setWritten((before) => ({ ...before, [field.name]: value }))
          }}
        />
      ))}
      {faults[''] !== undefined && (
        <p role="alert" className="text-[0.8125rem] text-destructive">
          {faults['']} The question still waits for you.
        </p>
      )}
      <div className="flex flex-wrap items-center gap-2">
        <Button type="submit" size="sm" disabled={sending}>
          {url === undefined ? 'Send' : 'I have done it'}
        </Button>
        <Button
          variant="outline"
          size="sm"
          disabled={sending}
          onClick={() => void send({ action: 'decline' })}
        >
          Do not answer
        </Button>
        {onLeave && conversationId !== undefined && (
          <Link
            href={threadPath(conversationId)}
            className="ml-auto text-xs font-medium underline decoration-foreground/30 underline-offset-3 hover:decoration-foreground"
            onClick={onLeave}
          >
            Open the conversation
          </Link>
        )}
      </div>
      <p className="text-xs text-muted-foreground">
        {url === undefined
          ? 'What you send goes to that server. Never send it a password.'
          : 'The page is that server’s own. Check its address before you open it.'}
      </p>
    </form>
  )
}
