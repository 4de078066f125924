import { expect, it } from 'vitest'

import { nextPage, ownPage } from '@/lib/next-page'

import vectors from '../../fixtures/next-page.json'

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
  ['?next=/.//other:7795/chat', '/chat'],
])('after the sign-in, %s leads to %s', (query, expected) => {
  expect(nextPage(query, ORIGIN)).toBe(expected)
})

it('EDGE-18: follows only pages of this app, as the server does', () => {
  for (const { next, page, ...rest } of vectors) {
    const text = next.repeat('times' in rest ? rest.times : 1)
    for (const origin of [ORIGIN, 'http://localhost:3000']) {
      expect(ownPage(text, origin), text.slice(0, 100)).toBe(page ?? undefined)
    }
  }
})
