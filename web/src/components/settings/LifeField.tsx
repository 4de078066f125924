'use client'

import { Labelled } from '@/components/ui/labelled'
import { Select } from '@/components/ui/select'

const LIVES = [
  { days: 7, label: '7 days' },
  { days: 30, label: '30 days' },
  { days: 90, label: '90 days' },
  { days: 365, label: 'One year' },
] as const

interface LifeFieldProps {
  /** In days; undefined has no end. */
  value: number | undefined
  fault: string
  /** What it is called that there is no end; not offered without. */
  endless?: string
  onChange: (days: number | undefined) => void
}

/** How long something that lets people or programs in is good. */
export function LifeField({ endless, fault, onChange, value }: LifeFieldProps) {
  return (
    <Labelled label="Good for" fault={fault}>
      {(field) => (
        <Select
          {...field}
          value={value ?? ''}
          onChange={({ target }) => {
            onChange(target.value === '' ? undefined : Number(target.value))
          }}
        >
          {LIVES.map(({ days, label }) => (
            <option key={days} value={days}>
              {label}
            </option>
          ))}
          {endless !== undefined && <option value="">{endless}</option>}
        </Select>
      )}
    </Labelled>
  )
}
