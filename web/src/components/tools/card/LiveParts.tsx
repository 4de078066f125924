'use client'

import { useJob } from '@/hooks/useJob'

import { Section } from './Section'
import { Value } from './Value'

/** Parts that are shown at once, the newest. */
const MOST_PARTS = 20

/** What a call has given so far, while it runs. */
export function LiveParts({ id }: { id: string }) {
  const parts = useJob(id).job?.parts ?? []
  if (parts.length === 0) return null
  const first = Math.max(0, parts.length - MOST_PARTS)
  return (
    <Section title={first > 0 ? `So far (the last ${MOST_PARTS} parts)` : 'So far'}>
      <div className="flex flex-col gap-2" data-parts={parts.length}>
        {parts.slice(first).map((part, index) => (
          <Value key={first + index} value={part} />
        ))}
      </div>
    </Section>
  )
}
