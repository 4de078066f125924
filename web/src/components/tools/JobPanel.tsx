'use client'

import { CircleStop, RotateCw } from 'lucide-react'
import { useRef, useState } from 'react'

import { Button } from '@/components/ui/button'
import { Progress } from '@/components/ui/progress'
import { useNow } from '@/hooks/useNow'
import { hasEnded } from '@/lib/job'
import { type KnownJob, jobs } from '@/stores/jobs.store'
import { useTool } from '@/stores/tools.store'

import { reportFailure } from '../toasts'
import { ApprovalRequest } from './card/ApprovalRequest'
import { CallQuestion } from './card/CallQuestion'
import { JobOutcome } from './JobOutcome'
import { JobStatus } from './JobStatus'
import { ReadingNote } from './ReadingNote'
import { CALLERS, durationOf, statusOf } from './words'

interface JobPanelProps {
  known: KnownJob
  /** Runs the tool again with the same arguments. */
  onRunAgain: () => Promise<void>
}

/** One job: how far it has come, what it said on its way, what it gave, and what can be done about it. */
export function JobPanel({ known, onRunAgain }: JobPanelProps) {
  const { job, reading, stopping } = known
  const over = hasEnded(job)
  const now = useNow(!over, 250)
  const started = Date.parse(job.startedAt)
  const took = (job.endedAt === undefined ? now : Date.parse(job.endedAt)) - started
  const title = useTool(job.name)?.title ?? job.name
  const box = useRef<HTMLElement>(null)
  const runs = job.status !== 'queued'

  return (
    <section
      ref={box}
      tabIndex={-1}
      aria-label="Result"
      aria-busy={!over}
      data-job={job.id}
      className="flex flex-col gap-4 rounded-xl border bg-card p-4 outline-none"
    >
      <div className="flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
        <p className="flex items-center gap-2.5">
          <JobStatus job={job} />
          {runs && (
            <span className="text-[0.8125rem] text-muted-foreground tabular-nums">
              {durationOf(took)}
            </span>
          )}
        </p>
        {over ? (
          <RunAgain onRunAgain={onRunAgain} />
        ) : (
          <Button
            variant="outline"
            size="sm"
            disabled={stopping}
            onClick={() => {
              void jobs.cancel(job.id).then(reportFailure)
            }}
          >
            <CircleStop aria-hidden="true" />
            {stopping ? 'Cancelling…' : 'Cancel'}
          </Button>
        )}
      </div>
      {/* Only the end is announced: a screen reader is not told of every step. */}
      <p role="status" className="sr-only">
        {statusOf(job)}
      </p>
      {!over && job.status === 'running' && (
        <div className="flex flex-col gap-2">
          <Progress label="Progress" value={job.progress} />
          {job.note !== undefined && (
            <p className="text-[0.8125rem] leading-5 [overflow-wrap:anywhere] text-muted-foreground tabular-nums">
              {job.note}
            </p>
          )}
        </div>
      )}
      {!over && job.approval === 'pending' && (
        <ApprovalRequest
          id={job.id}
          title={title}
          asker={CALLERS[job.caller]}
          onAnswer={() => box.current?.focus()}
        />
      )}
      {!over && (
        <div className="-mx-4 empty:hidden">
          <CallQuestion callId={job.id} onAnswer={() => box.current?.focus()} />
        </div>
      )}
      {!over && <ReadingNote reading={reading} />}
      <JobOutcome known={known} />
    </section>
  )
}

function RunAgain({ onRunAgain }: { onRunAgain: () => Promise<void> }) {
  const [asking, setAsking] = useState(false)
  return (
    <Button
      variant="outline"
      size="sm"
      disabled={asking}
      title="Runs the tool again with the same arguments"
      onClick={() => {
        setAsking(true)
        void onRunAgain().finally(() => {
          setAsking(false)
        })
      }}
    >
      <RotateCw aria-hidden="true" />
      Run again
    </Button>
  )
}
