'use client'

import { memo } from 'react'

import { inOne } from '@/lib/figures'
import { slice } from '@/lib/series'
import { type Range, useFigures, useRange } from '@/stores/metrics.store'

import type { Panel } from './panels'

/** In how many parts the shown time is told. */
const ROWS = 15
/** Between the cells of a row, in one string that is compared as it is. */
const TAB = '\t'

/** A chart as a table: the newest part of the time first. */
export const TablePanel = memo(function TablePanel({ panel }: { panel: Panel }) {
  const { lines, title, unit } = panel
  const range = useRange()
  const isTiming = unit === 'milliseconds'
  return (
    <section className="min-w-0 overflow-x-auto rounded-xl border bg-card p-4" tabIndex={-1}>
      <table className="w-full text-[0.8125rem] tabular-nums">
        <caption className="pb-2 text-left text-sm font-medium">
          {title}
          {unit === 'perSecond' && ' a second'}
          <span className="font-normal text-muted-foreground">
            {isTiming ? ', the slowest of ' : ', '}
            {parts(range)}
          </span>
        </caption>
        <thead>
          <tr className="border-b text-muted-foreground">
            <th scope="col" className="py-1 pr-2 text-left font-normal">
              From
            </th>
            {lines.map(({ figure, label }) => (
              <th key={figure} scope="col" className="py-1 pl-2 text-right font-normal">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {Array.from({ length: ROWS }, (_, index) => (
            <Row key={index} index={index} panel={panel} />
          ))}
        </tbody>
      </table>
    </section>
  )
})

function Row({ index, panel }: { index: number; panel: Panel }) {
  const cells = useFigures((series, range) => {
    const figures = panel.lines.map(({ figure }) => figure)
    const told = slice(series, figures, (range * 60) / ROWS, index)
    if (!told) return undefined
    const from = new Date(told.from * 1_000).toLocaleTimeString(undefined, {
      hour: '2-digit',
      minute: '2-digit',
      ...(range < 15 && { second: '2-digit' }),
    })
    return [from, ...told.values.map((value) => inOne(value, panel.unit))].join(TAB)
  })
  if (cells === undefined) return null
  const [from, ...values] = cells.split(TAB)
  return (
    <tr className="border-b border-border/60 last:border-0">
      <th scope="row" className="py-1 pr-2 text-left font-normal text-muted-foreground">
        {from}
      </th>
      {values.map((value, column) => (
        <td key={column} className="py-1 pl-2 text-right">
          {value}
        </td>
      ))}
    </tr>
  )
}

function parts(range: Range): string {
  const seconds = (range * 60) / ROWS
  return seconds === 60 ? 'each minute' : `each ${seconds} seconds`
}
