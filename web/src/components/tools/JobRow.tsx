import Link from 'next/link'

import { toolsPath } from '@/hooks/useToolsPlace'
import { hasEnded } from '@/lib/job'
import { useTool } from '@/stores/tools.store'
import type { Job } from '@/types/tools'

import { JobStatus } from './JobStatus'
import { When } from './When'
import { CALLERS, durationOf, inLine } from './words'

/** One job in the list: what, by whom, when, how it went. */
export function JobRow({ current, job }: { job: Job; current: boolean }) {
  const title = useTool(job.name)?.title ?? job.name
  const took =
    job.endedAt === undefined ? undefined : Date.parse(job.endedAt) - Date.parse(job.startedAt)
  return (
    <Link
      href={toolsPath({ view: 'activity', job: job.id })}
      prefetch={false}
      scroll={false}
      aria-current={current ? 'true' : undefined}
      className="flex flex-col gap-1 rounded-lg px-3 py-2.5 transition-colors outline-none hover:bg-accent/60 focus-visible:ring-2 focus-visible:ring-ring @3xl:aria-[current=true]:bg-accent"
    >
      <span className="flex items-center justify-between gap-3">
        <span className="min-w-0 truncate text-sm font-medium">{title}</span>
        <JobStatus job={job} className="shrink-0 text-xs" />
      </span>
      <span className="truncate font-mono text-xs leading-5 text-muted-foreground">
        {inLine(job.args) || '\u00a0'}
      </span>
      <span className="flex items-center gap-1.5 text-xs text-muted-foreground tabular-nums">
        {CALLERS[job.caller]}
        <Dot />
        <When at={job.createdAt} />
        {took !== undefined && (
          <>
            <Dot />
            {durationOf(took)}
          </>
        )}
        {!hasEnded(job) && job.progress !== undefined && (
          <>
            <Dot />
            {Math.round(job.progress * 100)} %
          </>
        )}
      </span>
    </Link>
  )
}

function Dot() {
  return <span aria-hidden="true">·</span>
}
