import { hasEnded } from '@/lib/job'
import type { KnownJob } from '@/stores/jobs.store'

import { JsonValue } from './JsonValue'
import { isCancelled } from './words'

/** What a job gave so far or in the end, and what it said on its way. */
export function JobOutcome({ known }: { known: KnownJob }) {
  const { job, notes, parts } = known
  const over = hasEnded(job)
  return (
    <>
      {job.status === 'done' && <JsonValue label="Output" value={job.output ?? null} />}
      {job.error !== undefined && (
        <div
          role={isCancelled(job) ? undefined : 'alert'}
          className={
            isCancelled(job)
              ? 'text-[0.8125rem] leading-5 text-muted-foreground'
              : 'rounded-lg bg-destructive/8 px-3 py-2.5 text-[0.8125rem] leading-5'
          }
        >
          <p className="[overflow-wrap:anywhere] whitespace-pre-line">{job.error.message}</p>
          {!isCancelled(job) && (
            <p className="mt-1 font-mono text-xs text-muted-foreground">{job.error.code}</p>
          )}
        </div>
      )}
      {parts.length > 0 && job.status !== 'done' && (
        <JsonValue
          label={over ? 'What it gave before' : 'So far'}
          value={parts.every((part) => typeof part === 'string') ? parts.join('') : parts}
        />
      )}
      {notes.length > 0 && (
        <details className="group">
          <summary className="flex h-7 w-fit cursor-pointer items-center rounded-md pr-2 text-xs font-medium text-muted-foreground outline-none select-none hover:text-foreground focus-visible:ring-2 focus-visible:ring-ring">
            Log <span className="ml-1 tabular-nums">({notes.length})</span>
          </summary>
          <ol
            tabIndex={0}
            aria-label="Log"
            className="mt-1.5 max-h-60 scrollbar-thin overflow-y-auto rounded-lg border bg-code px-3 py-2 font-mono text-xs leading-5 text-code-foreground"
          >
            {notes.map(({ seq, text }) => (
              <li key={seq} className="[overflow-wrap:anywhere]">
                {text}
              </li>
            ))}
          </ol>
        </details>
      )}
    </>
  )
}
