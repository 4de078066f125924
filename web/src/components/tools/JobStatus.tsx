import { Ban, CircleCheck, CircleX, Clock, Hand, LoaderCircle, type LucideIcon } from 'lucide-react'

import { cn } from '@/lib/utils'
import type { Job } from '@/types/tools'

import { isCancelled, statusOf } from './words'

function lookOf(job: Job): { Icon: LucideIcon; className: string } {
  if (job.approval === 'pending' && job.status !== 'error')
    return { Icon: Hand, className: 'text-warning' }
  switch (job.status) {
    case 'queued':
      return { Icon: Clock, className: 'text-muted-foreground' }
    case 'running':
      return { Icon: LoaderCircle, className: 'text-primary [&_svg]:animate-spin' }
    case 'done':
      return { Icon: CircleCheck, className: 'text-success' }
    case 'error':
      return isCancelled(job)
        ? { Icon: Ban, className: 'text-muted-foreground' }
        : { Icon: CircleX, className: 'text-destructive' }
  }
}

/** How far a job has come: a sign and a word. */
export function JobStatus({ job, className }: { job: Job; className?: string }) {
  const { Icon, className: look } = lookOf(job)
  return (
    <span
      data-job-status={job.status}
      className={cn(
        'inline-flex items-center gap-1.5 text-[0.8125rem] font-medium',
        look,
        className,
      )}
    >
      <Icon aria-hidden="true" className="size-4 shrink-0" />
      {statusOf(job)}
    </span>
  )
}
