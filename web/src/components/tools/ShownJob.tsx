'use client'

import { useEffect, useRef } from 'react'

import { Skeleton } from '@/components/ui/skeleton'
import { useJob } from '@/hooks/useJob'
import type { Job } from '@/types/tools'

import { JobPanel } from './JobPanel'

interface ShownJobProps {
  id: string
  onRunAgain: (job: Job) => Promise<void>
}

/** A job by its id, followed while it is on the screen. */
export function ShownJob({ id, onRunAgain }: ShownJobProps) {
  const { job, load } = useJob(id)
  const box = useRef<HTMLDivElement>(null)
  const isThere = job !== undefined

  useEffect(() => {
    // On a small screen it begins below the form.
    if (isThere) box.current?.scrollIntoView({ block: 'nearest' })
  }, [isThere])

  if (job)
    return (
      <div ref={box} className="scroll-mb-4">
        <JobPanel known={job} onRunAgain={() => onRunAgain(job.job)} />
      </div>
    )
  if (load.kind === 'missing')
    return (
      <p role="alert" className="text-[0.8125rem] text-muted-foreground">
        There is no such run of this tool.
      </p>
    )
  if (load.kind === 'failed')
    return (
      <p role="alert" className="text-[0.8125rem] text-destructive">
        {load.failure.message}
      </p>
    )
  return (
    <div role="status" aria-label="Loading the result">
      <Skeleton className="h-28 rounded-xl" />
    </div>
  )
}
