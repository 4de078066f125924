import { useLayoutEffect, useRef, type RefObject } from 'react'

function growsByItself(element: HTMLElement): boolean {
  return 'fieldSizing' in element.style
}

/** Lets a text field be as high as its text, in browsers that do not know `field-sizing: content`. */
export function useAutosize(text: string): RefObject<HTMLTextAreaElement | null> {
  const field = useRef<HTMLTextAreaElement>(null)
  useLayoutEffect(() => {
    const element = field.current
    if (element === null || growsByItself(element)) return
    element.style.height = 'auto'
    element.style.height = `${element.scrollHeight}px`
  }, [text])
  return field
}
