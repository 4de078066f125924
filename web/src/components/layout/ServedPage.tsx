import { type ReactNode, Suspense } from 'react'

import { Sliced } from './Sliced'

interface ServedPageProps {
  placeholder: ReactNode
  children: ReactNode
}

/**
 * A page that depends on the address or on what the browser keeps. The file of the page holds its placeholder, which
 * also stands there while the scripts of the page are fetched.
 */
export function ServedPage({ placeholder, children }: ServedPageProps) {
  return (
    <Suspense fallback={placeholder}>
      <Sliced fallback={placeholder}>{children}</Sliced>
    </Suspense>
  )
}
