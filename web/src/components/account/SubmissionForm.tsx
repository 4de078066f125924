'use client'

import { CircleAlert } from 'lucide-react'
import { type ReactNode, useEffect, useRef, useState } from 'react'

import { cn } from '@/lib/utils'

interface SubmissionFormProps {
  'aria-label'?: string
  'aria-labelledby'?: string
  /** What is wrong beside the fields; empty when nothing is. */
  trouble: string
  onSubmit: () => Promise<unknown>
  className?: string
  children: ReactNode
}

/** A form that says what went wrong, and leads to the first field that is wrong. */
export function SubmissionForm({
  children,
  className,
  onSubmit,
  trouble,
  ...names
}: SubmissionFormProps) {
  const form = useRef<HTMLFormElement>(null)
  const [answers, setAnswers] = useState(0)

  useEffect(() => {
    // What came of it is drawn by now.
    if (answers > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [answers])

  return (
    <form
      ref={form}
      noValidate
      // Should a browser ever send it by itself, no password stands in the address.
      method="post"
      className={cn('flex flex-col gap-4', className)}
      onSubmit={(event) => {
        event.preventDefault()
        void onSubmit().then(() => {
          setAnswers((before) => before + 1)
        })
      }}
      {...names}
    >
      {trouble !== '' && <Trouble>{trouble}</Trouble>}
      {children}
    </form>
  )
}

/** What went wrong, where it is seen and heard. */
export function Trouble({ children }: { children: ReactNode }) {
  return (
    <div
      role="alert"
      className="flex gap-2 rounded-lg border border-destructive/30 bg-destructive/8 px-3 py-2.5 text-[0.8125rem] leading-5 text-destructive"
    >
      <CircleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0" />
      <div className="min-w-0 [overflow-wrap:anywhere]">{children}</div>
    </div>
  )
}
