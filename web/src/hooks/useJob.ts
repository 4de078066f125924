import { useEffect } from 'react'

import type { LoadState } from '@/stores/load-state'
import { type KnownJob, jobs, useKnownJob } from '@/stores/jobs.store'

/** A job, followed while it is on the screen. */
export function useJob(id: string): { job: KnownJob | undefined; load: LoadState } {
  useEffect(() => jobs.watch(id), [id])
  return useKnownJob(id)
}
