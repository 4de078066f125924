import type { ComponentProps, CSSProperties } from 'react'

import { cn } from '@/lib/utils'

/** The lines of a chart: what each is called, and the custom property of the theme that is its colour. */
export type ChartConfig = Readonly<
  Record<string, { readonly label: string; readonly color: `--${string}` }>
>

/** The custom property that a line's colour has inside of the chart's container. */
export function chartColor(key: string): `--${string}` {
  return `--color-${key.replaceAll('.', '-')}`
}

/** Gives what stands in it the colours of a chart's lines, as `--color-<key>`; they follow the theme. */
function ChartContainer({
  config,
  className,
  style,
  ...props
}: ComponentProps<'figure'> & { config: ChartConfig }) {
  const colors = Object.fromEntries(
    Object.entries(config).map(([key, { color }]) => [chartColor(key), `var(${color})`]),
  )
  return (
    <figure
      data-slot="chart"
      className={cn('flex min-w-0 flex-col', className)}
      style={{ ...(colors as CSSProperties), ...style }}
      {...props}
    />
  )
}

/** What the lines are, and what they are just now. */
function ChartLegend({ className, ...props }: ComponentProps<'ul'>) {
  return (
    <ul
      data-slot="chart-legend"
      className={cn('flex flex-wrap gap-x-4 gap-y-1 text-xs text-muted-foreground', className)}
      {...props}
    />
  )
}

function ChartLegendItem({
  name,
  className,
  children,
  ...props
}: ComponentProps<'li'> & { name: string }) {
  return (
    <li
      data-slot="chart-legend-item"
      className={cn('flex items-center gap-1.5', className)}
      {...props}
    >
      <span
        aria-hidden="true"
        className="h-0.5 w-3 shrink-0 rounded-full"
        style={{ backgroundColor: `var(${chartColor(name)})` }}
      />
      {children}
    </li>
  )
}

export { ChartContainer, ChartLegend, ChartLegendItem }
