import { expect, it } from 'vitest'

import { nextPage } from '@/lib/next-page'

const ORIGIN = 'https://weir.test'

it.each([
  ['?next=%2Ftools%3Fview%3Dservers', '/tools?view=servers'],
  ['?next=%2Fchat%3Fc%3D1%23end', '/chat?c=1#end'],
  ['', '/chat'],
  ['?next=', '/chat'],
  ['?next=https%3A%2F%2Fevil.test%2F', '/chat'],
  ['?next=%2F%2Fevil.test', '/chat'],
  ['?next=%2F%5Cevil.test', '/chat'],
  ['?next=%2F%09%2Fevil.test', '/chat'],
  ['?next=javascript%3Aalert(1)', '/chat'],
  ['?next=%2Fsign-in%3Fnext%3D%2Fchat', '/chat'],
])('after the sign-in, %s leads to %s', (query, expected) => {
  expect(nextPage(query, ORIGIN)).toBe(expected)
})
