'use client'

import 'uplot/dist/uPlot.min.css'

import { useEffect, useEffectEvent, useRef } from 'react'
import uPlot from 'uplot'

import type { Unit } from '@/lib/figures'
import { cn } from '@/lib/utils'

import { type DrawnLine, chartOptions } from './options'

/** What a chart draws. It is read anew, and never by React, whenever `subscribe` says so. */
export interface ChartSource {
  /** Times in seconds since the epoch, then one array for each line. */
  readonly data: () => uPlot.AlignedData
  /** The part of the time that is shown, in seconds since the epoch. */
  readonly window: () => readonly [from: number, until: number]
  /** Calls `listener` when there is something new to draw, until the returned function is called. */
  readonly subscribe: (listener: () => void) => () => void
}

interface TimeChartProps {
  /** The lines: what each is called, and the custom property that its colour is. */
  lines: readonly { readonly label: string; readonly color: `--${string}` }[]
  unit: Unit
  /** Stable for as long as the chart is to stay. */
  source: ChartSource
  /** Another value draws it in the colours of now. */
  theme: string
  /** The time under the pointer, here or on another chart of the page. */
  onTime: (time: number | undefined) => void
  className?: string
}

/** Lines over time on a canvas, as large as the place that it is given. */
export default function TimeChart(props: TimeChartProps) {
  const { className, source, theme } = props
  const place = useRef<HTMLDivElement>(null)
  const start = useEffectEvent((box: HTMLDivElement) => {
    const { lines, onTime, unit } = props
    const look = getComputedStyle(box)
    const color = (name: string) => look.getPropertyValue(name).trim()
    const drawn: DrawnLine[] = lines.map((line) => ({
      label: line.label,
      color: color(line.color),
    }))
    const appearance = {
      font: `11px ${look.fontFamily}`,
      text: color('--muted-foreground'),
      grid: color('--border'),
      cursor: color('--muted-foreground'),
    }
    const size = { width: box.clientWidth, height: box.clientHeight }
    const options = chartOptions(drawn, unit, appearance, size, source.window, onTime)
    return new uPlot(options, source.data(), box)
  })

  useEffect(() => {
    const box = place.current
    if (!box) return
    const plot = start(box)
    const unsubscribe = source.subscribe(() => {
      plot.setData(source.data())
    })
    const observer = new ResizeObserver(() => {
      plot.setSize({ width: box.clientWidth, height: box.clientHeight })
    })
    observer.observe(box)
    return () => {
      observer.disconnect()
      unsubscribe()
      plot.destroy()
    }
  }, [source, theme])

  return <div ref={place} aria-hidden="true" className={cn('overflow-hidden', className)} />
}
