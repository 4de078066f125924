import '@testing-library/jest-dom/vitest'

import { cleanup } from '@testing-library/react'
import { afterEach } from 'vitest'

import { loadValidators } from '@/lib/contract'

// They come with the first request, and a test that counts its turns would wait for the disk.
await loadValidators()

afterEach(() => {
  cleanup()
  localStorage.clear()
  sessionStorage.clear()
})
