'use client'

import { History, SearchX } from 'lucide-react'
import Link from 'next/link'

import { Button } from '@/components/ui/button'
import { toolsPath } from '@/hooks/useToolsPlace'
import { type JobsState, type KnownJob, jobs } from '@/stores/jobs.store'

import { JobRow } from './JobRow'
import { ListMessage } from './ListMessage'
import { ListSkeleton } from './ListSkeleton'
import { LoadFailure } from './LoadFailure'

interface JobListProps extends Pick<JobsState, 'load' | 'more' | 'status'> {
  items: readonly KnownJob[]
  selected: string | undefined
}

/** Jobs, newest first, page by page. */
export function JobList({ items, load, more, selected, status }: JobListProps) {
  if (load.kind === 'failed')
    return (
      <LoadFailure
        title="The list could not be loaded"
        failure={load.failure}
        onRetry={jobs.load}
      />
    )
  if (load.kind !== 'ready') return <ListSkeleton label="Loading what ran" />
  if (items.length === 0)
    return status === undefined ? (
      <ListMessage
        Icon={History}
        title="Nothing has run yet"
        action={
          <Button asChild size="sm">
            <Link href={toolsPath({ view: 'browse' })} prefetch={false}>
              Try a tool
            </Link>
          </Button>
        }
      >
        Every call of a tool is listed here: by you, by a model, by a program.
      </ListMessage>
    ) : (
      <ListMessage
        Icon={SearchX}
        title="Nothing fits"
        role="status"
        action={
          <Button
            variant="outline"
            size="sm"
            onClick={() => {
              jobs.narrow(undefined)
            }}
          >
            Show everything
          </Button>
        }
      />
    )

  return (
    <div className="min-h-0 flex-1 scrollbar-thin overflow-y-auto overscroll-contain" tabIndex={-1}>
      <ol aria-label="What ran, newest first" className="flex flex-col gap-0.5 p-2">
        {items.map(({ job }) => (
          <li key={job.id}>
            <JobRow job={job} current={job.id === selected} />
          </li>
        ))}
      </ol>
      {more.kind !== 'none' && (
        <div className="flex flex-col items-center gap-2 px-4 pb-4">
          {more.kind === 'failed' && (
            <p role="alert" className="text-xs text-destructive">
              {more.failure.message}
            </p>
          )}
          <Button
            variant="outline"
            size="sm"
            disabled={more.kind === 'loading'}
            onClick={() => void jobs.loadMore()}
          >
            {more.kind === 'loading' ? 'Loading…' : 'Show older'}
          </Button>
        </div>
      )}
    </div>
  )
}
