'use client'

import { SearchX } from 'lucide-react'
import { useEffect, useState } from 'react'

import type { ToolsPlace } from '@/hooks/useToolsPlace'
import { jobs, useJobList } from '@/stores/jobs.store'

import { JobDetail } from './JobDetail'
import { JobFilter } from './JobFilter'
import { JobList } from './JobList'
import { ListMessage } from './ListMessage'
import { TwoPanes } from './TwoPanes'

/** Everything that ran, and the job that is looked at. */
export function ActivityView({ place }: { place: ToolsPlace }) {
  const list = useJobList()
  // Where there is room for two panes, the second is not left empty; and what is read there stays while others come.
  const [newest, setNewest] = useState<string>()
  const first = list.items[0]?.job.id
  const isListed = newest !== undefined && list.items.some(({ job }) => job.id === newest)
  if (!isListed && first !== newest) setNewest(first)
  const shown = place.job ?? newest

  useEffect(() => jobs.watchList(), [])

  return (
    <TwoPanes
      label="Activity"
      shown={place.job === undefined ? 'list' : 'detail'}
      list={
        <>
          <JobFilter status={list.status} />
          <JobList {...list} selected={shown} />
        </>
      }
      detail={
        shown !== undefined ? (
          <JobDetail key={shown} id={shown} named={place.job} />
        ) : (
          list.load.kind === 'ready' &&
          list.status !== undefined && (
            <ListMessage Icon={SearchX} title="Nothing is chosen">
              Choose another filter to see what ran.
            </ListMessage>
          )
        )
      }
    />
  )
}
