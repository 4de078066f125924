import { type RefObject, useEffect, useEffectEvent, useRef } from 'react'

/**
 * Adopts text that the user or a password manager entered before the page was hydrated, which no change event reports.
 *
 * @returns the ref of the input, whose value is `value`.
 */
export function useEarlyText(
  value: string,
  onText: (text: string) => void,
): RefObject<HTMLInputElement | null> {
  const input = useRef<HTMLInputElement>(null)
  const adopt = useEffectEvent(() => {
    const text = input.current?.value ?? ''
    if (text !== value) onText(text)
  })
  useEffect(() => {
    adopt()
  }, [])
  return input
}
