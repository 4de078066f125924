'use client'

import { useRef, useState } from 'react'

import { replacePlace } from '@/hooks/useToolsPlace'
import type { Failure } from '@/lib/failure'
import { argumentsOf } from '@/lib/job'
import { jobs, useKnownJob } from '@/stores/jobs.store'
import type { ToolInfo } from '@/types/tools'

import { reportFailure } from '../toasts'
import { ArgumentsEditor } from './ArgumentsEditor'
import { NO_FAULTS, faultsAt } from './form/faults'
import { argumentsIn } from './form/schema'
import { ShownJob } from './ShownJob'

type Arguments = Record<string, unknown>

const NOTHING: Arguments = {}

interface TryToolProps {
  tool: ToolInfo
  /** The newest try, as the address names it. */
  job: string | undefined
}

/** Runs a tool by hand, and shows what comes of it. */
export function TryTool({ job, tool }: TryToolProps) {
  const [edited, setEdited] = useState<Arguments>()
  const before = useKnownJob(job ?? '').job?.job
  // After a reload, what was asked for last.
  const args = edited ?? (before?.name === tool.name ? argumentsOf(before) : NOTHING)
  const [failure, setFailure] = useState<Failure>()
  const [asking, setAsking] = useState(false)
  const section = useRef<HTMLElement>(null)
  const faults = failure?.fields
    ? faultsAt(failure.fields, argumentsIn(tool.inputSchema))
    : NO_FAULTS

  const show = (id: string) => {
    replacePlace({ view: 'browse', tool: tool.name, job: id })
  }
  /** Moves to the first field that is wrong, once the form shows which: some frames from now. */
  const focusFault = (frames = 30) => {
    requestAnimationFrame(() => {
      const field = section.current?.querySelector<HTMLElement>('[aria-invalid="true"]:enabled')
      if (field) field.focus()
      else if (frames > 0) focusFault(frames - 1)
    })
  }
  const run = async (given: Arguments) => {
    if (asking) return
    setAsking(true)
    const started = await jobs.run(tool.name, given)
    setAsking(false)
    if (started.ok) {
      setFailure(undefined)
      show(started.id)
      return
    }
    setFailure(started.failure)
    focusFault()
  }

  return (
    <section ref={section} aria-labelledby="try-heading" className="flex flex-col gap-4">
      <h3 id="try-heading" className="text-sm font-semibold">
        Try it
      </h3>
      <ArgumentsEditor
        tool={tool}
        args={args}
        asking={asking}
        failure={failure}
        faults={faults}
        onChange={(changed) => {
          // A form says so too when it has only filled in what is there already.
          if (JSON.stringify(changed) !== JSON.stringify(args)) setEdited(changed)
        }}
        onRun={run}
      />
      {job !== undefined && (
        <ShownJob
          key={job}
          id={job}
          onRunAgain={async (known) => {
            const started = await jobs.run(tool.name, known.args)
            if (started.ok) show(started.id)
            else reportFailure(started)
          }}
        />
      )}
    </section>
  )
}
