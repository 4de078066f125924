import Link from 'next/link'
import type { ReactNode } from 'react'

import { threadPath } from '@/hooks/useCurrentThread'
import type { Job } from '@/types/tools'

import { When } from './When'
import { CALLERS, decisionOf } from './words'

/** Who, when, and by whose word. */
export function JobFacts({ job }: { job: Job }) {
  const { decision } = job
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-6 gap-y-1.5 text-[0.8125rem] leading-5">
      <Fact name="Asked by">
        {CALLERS[job.caller]}
        {job.conversationId !== undefined && (
          <>
            {', in '}
            <Link
              href={threadPath(job.conversationId)}
              prefetch={false}
              className="text-primary underline-offset-4 hover:underline"
            >
              this conversation
            </Link>
          </>
        )}
      </Fact>
      <Fact name="Asked">
        <When at={job.createdAt} full />
      </Fact>
      {job.endedAt !== undefined && (
        <Fact name="Ended">
          <When at={job.endedAt} full />
        </Fact>
      )}
      <Fact name="Decision">
        {decision ? (
          <>
            {decisionOf(decision)}
            {decision.message !== undefined && (
              <span className="[overflow-wrap:anywhere]">: “{decision.message}”</span>
            )}
          </>
        ) : job.approval === 'pending' ? (
          'Waits for your word'
        ) : (
          'None was needed'
        )}
      </Fact>
    </dl>
  )
}

function Fact({ children, name }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted-foreground">{name}</dt>
      <dd className="min-w-0">{children}</dd>
    </>
  )
}
