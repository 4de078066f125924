import { Select } from '@/components/ui/select'
import { jobs } from '@/stores/jobs.store'
import type { ToolCallStatus } from '@/types/tools'

const STATUSES: readonly { value: ToolCallStatus; label: string }[] = [
  { value: 'running', label: 'Running' },
  { value: 'queued', label: 'Waiting' },
  { value: 'done', label: 'Done' },
  { value: 'error', label: 'Failed or cancelled' },
]

/** What the list of jobs is narrowed to. */
export function JobFilter({ status }: { status: ToolCallStatus | undefined }) {
  return (
    <div className="shrink-0 border-b p-3">
      <Select
        aria-label="Status"
        className="w-full"
        value={status ?? ''}
        onChange={({ target }) => {
          jobs.narrow(STATUSES.find(({ value }) => value === target.value)?.value)
        }}
      >
        <option value="">Everything that ran</option>
        {STATUSES.map(({ label, value }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </Select>
    </div>
  )
}
