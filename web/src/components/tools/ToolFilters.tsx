import { Search } from 'lucide-react'

import { Input } from '@/components/ui/input'
import { Select } from '@/components/ui/select'
import type { Permission, ToolInfo } from '@/types/tools'

import type { Filter } from './filter'
import { SEARCH_ID } from './search-id'
import { PERMISSIONS, sourceOf } from './words'

interface ToolFiltersProps {
  filter: Filter
  items: readonly ToolInfo[]
  onChange: (filter: Filter) => void
}

/** Search, and what to narrow the list to. */
export function ToolFilters({ filter, items, onChange }: ToolFiltersProps) {
  const sources = [...new Set(items.map(sourceOf))].sort()
  return (
    <div role="search" aria-label="Tools" className="flex shrink-0 flex-col gap-2 border-b p-3">
      <div className="relative">
        <Search
          aria-hidden="true"
          className="pointer-events-none absolute top-1/2 left-2.5 size-4 -translate-y-1/2 text-muted-foreground"
        />
        <Input
          id={SEARCH_ID}
          type="search"
          aria-label="Search tools"
          placeholder="Search tools"
          value={filter.text}
          className="pl-9 max-lg:h-11 max-lg:text-base"
          onChange={({ target }) => {
            onChange({ ...filter, text: target.value })
          }}
        />
      </div>
      <div className="grid grid-cols-2 gap-2">
        <Select
          aria-label="Source"
          value={filter.source}
          onChange={({ target }) => {
            onChange({ ...filter, source: target.value })
          }}
        >
          <option value="">Any source</option>
          {sources.map((source) => (
            <option key={source}>{source}</option>
          ))}
        </Select>
        <Select
          aria-label="Permission"
          value={filter.permission}
          onChange={({ target }) => {
            onChange({ ...filter, permission: target.value as Permission | 'any' })
          }}
        >
          <option value="any">Any permission</option>
          {PERMISSIONS.map(({ label, value }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </Select>
      </div>
    </div>
  )
}
