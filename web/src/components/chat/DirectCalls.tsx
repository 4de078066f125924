'use client'

import { useJob } from '@/hooks/useJob'
import { directCalls, useDirectCalls } from '@/stores/direct-calls.store'

import { focusComposer } from '../composer-id'
import { ToolInvocationCard } from '../ToolInvocationCard'

/** The tools that the person has called from this composer, until they are dismissed. Later they stand among the jobs. */
export default function DirectCalls() {
  const ids = useDirectCalls()
  return (
    <div
      role="group"
      aria-label="Tools that you called"
      className="relative z-10 column max-h-[45dvh] scrollbar-thin overflow-y-auto pb-1 *:my-1.5"
    >
      {ids.map((id) => (
        <DirectCall key={id} id={id} />
      ))}
    </div>
  )
}

function DirectCall({ id }: { id: string }) {
  const { job, load } = useJob(id)
  const dismiss = () => {
    directCalls.dismiss(id)
    focusComposer()
  }
  if (job !== undefined)
    return <ToolInvocationCard call={job.job} initially="expanded" onDismiss={dismiss} />
  return (
    <p role="status" className="px-3.5 py-3 text-sm text-muted-foreground">
      {load.kind === 'failed' ? load.failure.message : 'Starting…'}
    </p>
  )
}
