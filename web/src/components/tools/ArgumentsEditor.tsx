'use client'

import { Ban, Play } from 'lucide-react'
import { useState } from 'react'

import { Button } from '@/components/ui/button'
import { Skeleton } from '@/components/ui/skeleton'
import { onDemand } from '@/hooks/on-demand'
import { useCountdown } from '@/hooks/useCountdown'
import type { Failure } from '@/lib/failure'
import { reasonOf } from '@/lib/reason'
import type { ToolInfo } from '@/types/tools'

import { SubmitButton } from '../SubmitButton'
import { type Faults, withoutChanged } from './form/faults'
import { argumentsIn, fitsForm } from './form/schema'
import { JsonEditor } from './JsonEditor'

const useArgumentsForm = onDemand(async () => (await import('./form/ArgumentsForm')).default)

type Arguments = Record<string, unknown>

interface ArgumentsEditorProps {
  tool: ToolInfo
  args: Arguments
  /** The server has not answered yet. */
  asking: boolean
  /** Why the newest try was refused. */
  failure: Failure | undefined
  faults: Faults
  onChange: (args: Arguments) => void
  onRun: (args: Arguments) => Promise<void>
}

/** What a tool is called with: in a form, or as JSON. */
export function ArgumentsEditor(props: ArgumentsEditorProps) {
  const { args, asking, failure, faults, onChange, onRun, tool } = props
  const asForm = fitsForm(tool.inputSchema)
  const [mode, setMode] = useState<'form' | 'json'>(asForm ? 'form' : 'json')
  /** The arguments that the faults are about. */
  const [judged, setJudged] = useState(args)
  const drawForm = useArgumentsForm(mode === 'form')
  const isDenied =
    tool.permission === 'deny' &&
    !(tool.rules ?? []).some(({ permission }) => permission !== 'deny')
  const takesNothing = argumentsIn(tool.inputSchema).length === 0

  const seconds = useCountdown(failure?.retryAt)
  const run = (given: Arguments) => {
    if (seconds > 0) return
    setJudged(given)
    void onRun(given)
  }
  const buttons = (
    <div className="flex flex-wrap items-center gap-2">
      <SubmitButton
        submission={{ asking, seconds }}
        disabled={isDenied}
        className="disabled:opacity-50 max-lg:h-11"
      >
        {!asking && <Play aria-hidden="true" />}
        {asking ? 'Starting…' : 'Run'}
      </SubmitButton>
      {asForm && !takesNothing && (
        <Button
          variant="ghost"
          className="max-lg:h-11"
          onClick={() => {
            setMode(mode === 'form' ? 'json' : 'form')
          }}
        >
          {mode === 'form' ? 'Edit as JSON' : 'Edit in the form'}
        </Button>
      )}
    </div>
  )
  const left = withoutChanged(faults, judged, args)

  return (
    <div className="flex flex-col gap-3">
      {mode === 'json' ? (
        <JsonEditor args={args} faults={faults} onChange={onChange} onSubmit={run}>
          {buttons}
        </JsonEditor>
      ) : (
        (drawForm?.({
          schema: tool.inputSchema,
          args,
          faults: left.atFields,
          onChange,
          onSubmit: () => {
            run(args)
          },
          children: buttons,
        }) ?? <FormSkeleton />)
      )}
      {isDenied && (
        <p className="flex items-start gap-2 text-[0.8125rem] leading-5 text-muted-foreground">
          <Ban aria-hidden="true" className="mt-0.5 size-4 shrink-0 text-destructive" />
          This tool is denied, so it cannot run. Change its permission to try it.
        </p>
      )}
      {failure && (left.others.length > 0 || failure.fields === undefined) && (
        <div role="alert" className="text-[0.8125rem] leading-5 text-destructive">
          {left.others.length > 0 ? (
            left.others.map((text) => <p key={text}>{text}</p>)
          ) : (
            <p>{reasonOf(failure)}</p>
          )}
        </div>
      )}
    </div>
  )
}

function FormSkeleton() {
  return (
    <div role="status" aria-label="Loading the form" className="flex flex-col gap-3">
      <Skeleton className="h-4 w-32" />
      <Skeleton className="h-9" />
      <Skeleton className="h-9 w-20" />
    </div>
  )
}
