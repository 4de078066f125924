import { type Browser, type BrowserContext, type Page, expect } from '@playwright/test'

import { Problems } from './problems'
import type { WeirServer } from './server'

/** Somebody with an account. */
export interface Person {
  readonly name: string
  readonly email: string
  readonly password: string
}

export const ADA: Person = {
  name: 'Ada Lovelace',
  email: 'ada@example.org',
  password: 'nine quiet otters weave',
}

export const GRACE: Person = {
  name: 'Grace Hopper',
  email: 'grace@example.org',
  password: 'moths rarely read manuals',
}

/** What the browser notes when somebody is not, or no more, signed in, may not do it, or has tried too often. */
export const REFUSED = /status of (401|403|409|422|429)/

/** What a browser says of a request by an own page; with a cookie the server asks for it. */
export const OWN_PAGE = { 'sec-fetch-site': 'same-origin' }

/** Makes the administrator, and signs the page's browser in as them. */
export async function setUp(server: WeirServer, page: Page, person: Person = ADA): Promise<void> {
  const secret = (await server.setupLink()).split('#')[1]
  const response = await page.request.post('/api/auth/setup', { data: { ...person, secret } })
  expect(response.status()).toBe(201)
}

/** Makes an account by an invite of the administrator, whose browser is signed in; the account's browser is another. */
export async function invite(
  administrator: Page,
  context: BrowserContext,
  person: Person = GRACE,
): Promise<void> {
  const made = await administrator.request.post('/api/invites', {
    data: { role: 'user' },
    headers: OWN_PAGE,
  })
  expect(made.status()).toBe(201)
  const { secret } = (await made.json()) as { secret: string }
  const joined = await context.request.post('/api/auth/join', { data: { ...person, secret } })
  expect(joined.status()).toBe(201)
}

/** Fills in the sign-in that is on the screen. */
export async function signIn(page: Page, { email, password }: Person): Promise<void> {
  await page.getByLabel('E-mail address').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** Another browser, which knows nothing of the first. */
export async function anotherBrowser(
  browser: Browser,
  server: WeirServer,
): Promise<{ context: BrowserContext; page: Page; problems: Problems }> {
  const context = await browser.newContext({ baseURL: server.url, locale: 'en-GB' })
  const problems = await Problems.watch(context)
  problems.expect(REFUSED)
  return { context, page: await context.newPage(), problems }
}
