import { expect, it } from 'vitest'

import { FIGURES } from '@/lib/series'
import { inOne, show, spoken, unitOf } from '@/lib/figures'

it.each([
  [0, 'perSecond', '0/s'],
  [0.44, 'perSecond', '0.4/s'],
  [123.4, 'perSecond', '123/s'],
  [12_345, 'perSecond', '12.3k/s'],
  [4_091, 'count', '4,091'],
  [2_000_000, 'count', '2M'],
  [0.345, 'milliseconds', '0.35 ms'],
  [12.34, 'milliseconds', '12.3 ms'],
  [999.4, 'milliseconds', '999 ms'],
  [999.6, 'milliseconds', '1 s'],
  [61_000, 'milliseconds', '61 s'],
  [900, 'bytes', '900 B'],
  [104_857_600, 'bytes', '100 MiB'],
  [1.234, 'cores', '1.23 cores'],
  [undefined, 'milliseconds', '–'],
] as const)('%s in %s is shown as %s', (value, unit, text) => {
  expect(inOne(value, unit)).toBe(text)
})

it('is said in whole words', () => {
  expect(spoken(3.4, 'perSecond')).toBe('3.4 a second')
  expect(spoken(1_500, 'milliseconds')).toBe('1.5 seconds')
  expect(spoken(12, 'milliseconds')).toBe('12 milliseconds')
})

it('has a unit for every figure', () => {
  for (const figure of FIGURES) expect(show(1, unitOf(figure)).digits, figure).not.toBe('–')
})
