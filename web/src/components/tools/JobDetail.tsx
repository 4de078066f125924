'use client'

import { SearchX, TriangleAlert } from 'lucide-react'
import Link from 'next/link'
import { useRouter } from 'next/navigation'

import { ListSkeleton } from './ListSkeleton'
import { toolsPath } from '@/hooks/useToolsPlace'
import { useJob } from '@/hooks/useJob'
import { type KnownJob, jobs } from '@/stores/jobs.store'
import { useTool } from '@/stores/tools.store'

import { reportFailure } from '../toasts'
import { DetailHeader } from './DetailHeader'
import { JobFacts } from './JobFacts'
import { JobPanel } from './JobPanel'
import { JsonValue } from './JsonValue'
import { ListMessage } from './ListMessage'

/** One job of the list: who asked for it, with what, whose word it was, and what came of it. */
export function JobDetail({ id, named }: { id: string; named: string | undefined }) {
  const { job, load } = useJob(id)
  if (job) return <Detail known={job} named={named} />
  if (load.kind === 'missing')
    return (
      <ListMessage Icon={SearchX} title="There is no such job">
        It may have been deleted, or it is somebody else&apos;s.
      </ListMessage>
    )
  if (load.kind === 'failed')
    return (
      <ListMessage Icon={TriangleAlert} role="alert" title="The job could not be loaded">
        {load.failure.message}
      </ListMessage>
    )
  return <ListSkeleton label="Loading the job" rows={3} />
}

function Detail({ known, named }: { known: KnownJob; named: string | undefined }) {
  const { job } = known
  const router = useRouter()
  const tool = useTool(job.name)
  return (
    <article
      aria-labelledby="job-title"
      className="mx-auto flex w-full max-w-3xl flex-col gap-6 p-4 pb-12 sm:p-6 sm:pb-16"
    >
      <DetailHeader
        id="job-title"
        title={tool?.title ?? job.name}
        back={{ view: 'activity' }}
        backLabel="Activity"
        named={named}
      >
        <code className="font-mono text-xs text-muted-foreground">{job.name}</code>
        {tool && (
          <Link
            href={toolsPath({ view: 'browse', tool: tool.name, job: job.id })}
            prefetch={false}
            className="text-[0.8125rem] text-primary underline-offset-4 hover:underline"
          >
            Change the arguments and try again
          </Link>
        )}
      </DetailHeader>
      <JobFacts job={job} />
      <JsonValue label="Arguments" value={job.args} />
      <JobPanel
        known={known}
        onRunAgain={async () => {
          const started = await jobs.run(job.name, job.args)
          if (started.ok) router.push(toolsPath({ view: 'activity', job: started.id }))
          else reportFailure(started)
        }}
      />
    </article>
  )
}
