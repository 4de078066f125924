import { useState } from 'react'

import type { Failure } from '@/lib/failure'
import { reasonOf } from '@/lib/reason'
import type { FieldError } from '@/types/api'

import { useCountdown } from './useCountdown'

/** What sending a form can come to. */
type Sent = { readonly ok: true } | { readonly ok: false; readonly failure: Failure }

export interface Submission {
  readonly asking: boolean
  /** Whole seconds until the server takes another try; 0 when it does now. */
  readonly seconds: number
  /** What is wrong with a field, as a sentence; empty when nothing is. */
  readonly faultAt: (path: string) => string
  /** What is wrong beside the fields, as a sentence; empty when nothing is. */
  readonly trouble: string
  readonly code: string | undefined
  /** Sends the form, unless it is on its way, must wait, or something is known to be wrong with it. */
  readonly submit: <Result extends Sent>(
    known: readonly FieldError[],
    send: () => Promise<Result>,
  ) => Promise<Result | undefined>
  /** Forgets what was wrong with a field: the person is mending it. */
  readonly mend: (path: string) => void
}

/** A form's way to the server: what was wrong with it, and when it may be sent again. What was typed is the form's own. */
export function useSubmission(fields: readonly string[]): Submission {
  const [asking, setAsking] = useState(false)
  const [failure, setFailure] = useState<Failure>()
  const seconds = useCountdown(failure?.retryAt)
  const faults = failure?.fields ?? []
  const elsewhere = faults.filter(({ path }) => !fields.includes(path))

  return {
    asking,
    seconds,
    code: failure?.code,
    faultAt: (path) => sentence(faults.find((fault) => fault.path === path)?.message ?? ''),
    trouble:
      failure === undefined
        ? ''
        : faults.length === 0
          ? reasonOf(failure)
          : elsewhere.map(({ message, path }) => `${path} ${message}.`).join(' '),

    submit: async (known, send) => {
      if (asking || seconds > 0) return undefined
      if (known.length > 0) {
        setFailure({ kind: 'problem', message: '', fields: known })
        return undefined
      }
      setAsking(true)
      setFailure(undefined)
      const sent = await send()
      setAsking(false)
      if (!sent.ok) setFailure(sent.failure)
      return sent
    },

    mend: (path) => {
      setFailure((before) => {
        if (!before?.fields?.some((fault) => fault.path === path)) return before
        const left = before.fields.filter((fault) => fault.path !== path)
        return left.length > 0 ? { ...before, fields: left } : undefined
      })
    },
  }
}

/** The server says what a field should be: `must have at least 12 characters`. */
function sentence(message: string): string {
  if (message === '') return ''
  const end = /[.!?]$/.test(message) ? '' : '.'
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}${end}`
}
