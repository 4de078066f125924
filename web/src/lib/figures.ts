import type { Figure } from './series'

/** What a figure is counted in. */
export type Unit = 'perSecond' | 'milliseconds' | 'count' | 'bytes' | 'cores'

/** A number as it is shown: the digits, and what stands behind them. */
export interface Shown {
  readonly digits: string
  readonly unit: string
}

/** What stands where nothing was measured. */
export const NOTHING: Shown = { digits: '–', unit: '' }

const plain = new Intl.NumberFormat('en')
const oneDecimal = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
const twoDecimals = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })
const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** What a figure is counted in. */
export function unitOf(figure: Figure): Unit {
  if (figure.includes('.')) return 'milliseconds'
  switch (figure) {
    case 'requestsPerSecond':
    case 'errorsPerSecond':
    case 'tokensPerSecond':
    case 'inputTokensPerSecond':
      return 'perSecond'
    case 'heldBytes':
    case 'memoryBytes':
      return 'bytes'
    case 'cpu':
      return 'cores'
    default:
      return 'count'
  }
}

/** A value as it is shown; three digits say enough. */
export function show(value: number | undefined, unit: Unit): Shown {
  if (value === undefined) return NOTHING
  switch (unit) {
    case 'perSecond':
      return { digits: short(value), unit: '/s' }
    case 'count':
      return { digits: short(value), unit: '' }
    case 'milliseconds':
      return value < 999.5
        ? { digits: precise(value), unit: 'ms' }
        : { digits: precise(value / 1_000), unit: 's' }
    case 'bytes':
      return showBytes(value)
    case 'cores':
      return { digits: twoDecimals.format(value), unit: 'cores' }
  }
}

/** A value in one piece, as on an axis or in a table: `12 ms`, `3.4/s`. */
export function inOne(value: number | undefined, unit: Unit): string {
  const shown = show(value, unit)
  if (shown.unit === '' || shown.unit === '/s') return shown.digits + shown.unit
  return `${shown.digits} ${shown.unit}`
}

/** A value as a screen reader says it: `3.4 a second`. */
export function spoken(value: number, unit: Unit): string {
  const shown = show(value, unit)
  switch (unit) {
    case 'perSecond':
      return `${shown.digits} a second`
    case 'milliseconds':
      return `${shown.digits} ${shown.unit === 's' ? 'seconds' : 'milliseconds'}`
    case 'count':
      return shown.digits
    default:
      return `${shown.digits} ${shown.unit}`
  }
}

function showBytes(value: number): Shown {
  let size = value
  let step = 0
  while (size >= 1_000 && step < BYTES.length - 1) {
    size /= 1_024
    step += 1
  }
  return { digits: step === 0 ? plain.format(size) : precise(size), unit: BYTES[step] ?? 'B' }
}

/** Up to three digits before the point, and as many behind it as make three. */
function precise(value: number): string {
  if (value >= 99.95) return plain.format(Math.round(value))
  return (value >= 9.995 ? oneDecimal : twoDecimals).format(value)
}

function short(value: number): string {
  if (value >= 999_500) return `${precise(value / 1_000_000)}M`
  if (value >= 9_999.5) return `${precise(value / 1_000)}k`
  return value >= 99.95 ? plain.format(Math.round(value)) : oneDecimal.format(value)
}
