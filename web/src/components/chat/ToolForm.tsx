'use client'

import { Play } from 'lucide-react'
import { useId, useMemo, useState } from 'react'

import { Button } from '@/components/ui/button'
import { useCountdown } from '@/hooks/useCountdown'
import { useFaultFocus } from '@/hooks/useFaultFocus'
import { reasonOf } from '@/lib/reason'
import { type Faults, type Written, argumentsFrom, faultsFrom, fieldsFor } from '@/lib/tool-form'
import { directCalls } from '@/stores/direct-calls.store'
import { jobs } from '@/stores/jobs.store'
import type { ToolInfo } from '@/types/tools'

import { SubmitButton } from '../SubmitButton'
import { ToolFormField } from './ToolFormField'

interface ToolFormProps {
  tool: ToolInfo
  /** The tool has been started, or the person wants no more of it. */
  onClose: () => void
}

/** A small form for a tool's arguments, over the composer. */
export default function ToolForm({ tool, onClose }: ToolFormProps) {
  const fields = useMemo(() => fieldsFor(tool.inputSchema), [tool])
  const [written, setWritten] = useState<Written>({})
  const [faults, setFaults] = useState<Faults>({})
  const [sending, setSending] = useState(false)
  const [retryAt, setRetryAt] = useState<number>()
  const seconds = useCountdown(retryAt)
  const form = useFaultFocus(faults)
  const titleId = useId()

  const run = async () => {
    const read = argumentsFrom(fields, written)
    if ('faults' in read) {
      setFaults(read.faults)
      return
    }
    setFaults({})
    setSending(true)
    const started = await jobs.run(tool.name, read.args)
    if (started.ok) {
      directCalls.add(started.id)
      onClose()
      return
    }
    setSending(false)
    const { failure } = started
    setRetryAt(failure.retryAt)
    setFaults(failure.fields ? faultsFrom(fields, failure.fields) : { '': reasonOf(failure) })
  }

  return (
    <form
      ref={form}
      aria-labelledby={titleId}
      data-tool-form={tool.name}
      className="relative z-10 column pb-2"
      onSubmit={(event) => {
        event.preventDefault()
        if (!sending && seconds === 0) void run()
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return
        event.preventDefault()
        onClose()
      }}
    >
      <div className="flex max-h-[50dvh] scrollbar-thin flex-col gap-3 overflow-y-auto rounded-2xl border bg-card p-4 shadow-sm">
        <div>
          <p id={titleId} className="text-sm font-semibold">
            {tool.title}
          </p>
          <p className="mt-0.5 line-clamp-3 text-[0.8125rem] leading-5 text-muted-foreground">
            {tool.description}
          </p>
        </div>
        {fields.map((field, index) => (
          <ToolFormField
            key={field.name}
            field={field}
            first={index === 0}
            value={written[field.name]}
            fault={faults[field.name]}
            onChange={(value) => {
              setWritten((before) => ({ ...before, [field.name]: value }))
            }}
          />
        ))}
        {faults[''] !== undefined && (
          <p role="alert" className="text-[0.8125rem] text-destructive">
            {faults['']}
          </p>
        )}
        <div className="flex items-center gap-2">
          <SubmitButton
            size="sm"
            submission={{ asking: sending, seconds }}
            autoFocus={fields.length === 0}
          >
            {!sending && <Play aria-hidden="true" className="size-3.5" />}
            {sending ? 'Starting…' : 'Run'}
          </SubmitButton>
          <Button variant="ghost" size="sm" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </div>
    </form>
  )
}
