import { act, render, screen, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { type ReactNode, Profiler } from 'react'
import { beforeEach, expect, it, vi } from 'vitest'

import { ChartPanel } from '@/components/dashboard/ChartPanel'
import { PANELS } from '@/components/dashboard/panels'
import { TablePanel } from '@/components/dashboard/TablePanel'
import { Tile } from '@/components/dashboard/Tile'
import { Toolbar } from '@/components/dashboard/Toolbar'
import { emptySeries, append, newest } from '@/lib/series'
import { TOGETHER, metricsStore, shownSeries } from '@/stores/metrics.store'
import type { MetricsSample } from '@/types/metrics'

import { point, sample, second } from '../support/metrics'

/** How often a chart was drawn anew by its source, and rendered by React. */
const chart = vi.hoisted(() => ({ drawn: 0, rendered: 0 }))

vi.mock('@/components/charts/TimeChart', async () => {
  const { useEffect } = await import('react')
  const rendered = () => (chart.rendered += 1)
  function TimeChart({ source }: { source: { subscribe: (draw: () => void) => () => void } }) {
    useEffect(() => source.subscribe(() => (chart.drawn += 1)), [source])
    rendered()
    return null
  }
  return { default: TimeChart }
})

let renders: Record<string, number> = {}

function Counted({ children, name }: { children: ReactNode; name: string }) {
  return (
    <Profiler
      id={name}
      onRender={() => {
        renders[name] = (renders[name] ?? 0) + 1
      }}
    >
      {children}
    </Profiler>
  )
}

/** The next second, as a frame brings it. */
function hear(n: number, told: Partial<MetricsSample>): void {
  const { revision, series } = metricsStore.getState()
  const together = series[TOGETHER] ?? emptySeries()
  append(together, second(n), sample(told))
  metricsStore.setState({
    load: { kind: 'ready' },
    feed: 'live',
    point: point(n, told),
    series: { [TOGETHER]: together },
    revision: revision + 1,
  })
}

beforeEach(() => {
  renders = {}
  metricsStore.setState({ series: {}, source: TOGETHER, range: 1, revision: 0 })
})

it('a second renders the tiles whose figures have changed, and no chart', async () => {
  hear(0, { requestsPerSecond: 1, cpu: 0.5 })
  const tile = (figure: 'requestsPerSecond' | 'cpu') => (
    <Counted name={figure}>
      <Tile
        look="page"
        spec={{
          label: figure,
          unit: 'count',
          value: (series) => newest(series, figure, 60),
          beside: () => '',
        }}
      />
    </Counted>
  )
  const [requests] = PANELS
  if (!requests) throw new Error('no panel')
  render(
    <>
      {tile('requestsPerSecond')}
      {tile('cpu')}
      <Counted name="chart">
        <ChartPanel look="page" panel={requests} />
      </Counted>
    </>,
  )
  await act(() =>
    vi.waitFor(() => {
      expect(chart.rendered).toBeGreaterThan(0)
    }),
  )
  const before = { ...renders }
  const { drawn, rendered } = chart

  // Nothing that is written has changed; the canvas goes on all the same.
  for (const n of [1, 2, 3])
    act(() => {
      hear(n, { requestsPerSecond: 1, cpu: 0.5 })
    })
  expect(renders).toEqual(before)
  expect(chart.drawn).toBe(drawn + 3)

  act(() => {
    hear(4, { requestsPerSecond: 1, cpu: 0.9 })
  })
  expect(renders).toEqual({ ...before, cpu: (before['cpu'] ?? 0) + 1 })
  expect(chart).toEqual({ drawn: drawn + 4, rendered })
})

it('a chart can be read as a table, the newest part of the time first', () => {
  for (let n = 0; n < 8; n += 1) hear(n, { requestsPerSecond: n, errorsPerSecond: 1 })
  const [requests] = PANELS
  if (!requests) throw new Error('no panel')
  render(<TablePanel panel={requests} />)
  const table = screen.getByRole('table', { name: /^Requests a second/ })
  const rows = within(table).getAllByRole('row')
  expect(rows.map((row) => row.textContent)).toEqual([
    'FromAnsweredWith an error',
    expect.stringMatching(/5\.5\/s1\/s$/),
    expect.stringMatching(/1\.5\/s1\/s$/),
  ])
})

it('instances and minutes are chosen by the arrow keys', async () => {
  hear(0, {})
  const { point: told, series } = metricsStore.getState()
  if (!told) throw new Error('no point')
  const instances = ['first-aaaaaa', 'second-bbbbbb'].map((id) => ({
    id,
    startedAt: second(-9),
    sample: sample({ requestsPerSecond: 7 }),
  }))
  const own = emptySeries()
  append(own, second(0), sample({ requestsPerSecond: 7 }))
  metricsStore.setState({
    point: { ...told, instances },
    series: { ...series, 'first-aaaaaa': own, 'second-bbbbbb': emptySeries() },
  })
  const user = userEvent.setup()
  const onTable = vi.fn()
  render(<Toolbar look="page" onLook={vi.fn()} table={false} onTable={onTable} />)
  await user.tab()
  expect(screen.getByRole('radio', { name: 'All together' })).toHaveFocus()
  // The choice follows the focus while the key is down.
  const right = async (name: string) => {
    await user.keyboard('{ArrowRight>}')
    await vi.waitFor(() => {
      expect(screen.getByRole('radio', { name })).toBeChecked()
    })
    await user.keyboard('{/ArrowRight}')
  }
  await right('aaaaaa')
  expect(shownSeries(metricsStore.getState()).columns.requestsPerSecond).toEqual([7])
  await user.tab()
  await right('5 min')
  expect(metricsStore.getState().range).toBe(5)
  await user.tab()
  await user.keyboard('{Enter}')
  expect(onTable).toHaveBeenCalledWith(true)
})
