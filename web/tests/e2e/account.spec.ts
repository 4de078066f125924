import { ChatPage } from './support/chat-page'
import { anotherTab, expect, test } from './support/fixtures'
import {
  ADA,
  OWN_PAGE,
  GRACE,
  REFUSED,
  anotherBrowser,
  invite,
  setUp,
  signIn,
} from './support/people'

/** When a revoked browser must be out: the server promises a second, the rest is for a busy machine. */
const AT_ONCE = { timeout: 5_000 }

test.use({ settings: { WEIR_AUTH: 'required' } })

test.beforeEach(({ problems }) => {
  // Most have two browsers, and each password costs what a password must.
  test.slow()
  problems.expect(REFUSED)
})

test('from the first start to the administrator', async ({ browser, page, server }) => {
  await page.goto('/chat')
  await expect(page).toHaveURL(/\/sign-in\?next=%2Fchat$/)
  await expect(page.getByRole('heading', { name: 'This server is new' })).toBeVisible()

  const link = await server.setupLink()
  await page.goto(link)
  await expect(page.getByRole('heading', { name: 'Set up Weir' })).toBeVisible()
  await expect(page).toHaveURL(/\/setup$/)
  const other = await anotherBrowser(browser, server)
  await other.page.goto(link)
  await page.getByLabel('Your name').fill(ADA.name)
  await page.getByLabel('E-mail address').fill(ADA.email)
  const password = page.getByLabel('Password', { exact: true })
  await password.fill('password1234')
  await page.getByRole('button', { name: 'Create administrator' }).click()
  // The server says what is wrong with it; the field shows it and has the focus.
  await expect(password).toHaveAttribute('aria-invalid', 'true')
  await expect(password).toBeFocused()
  await password.fill(ADA.password)
  await page.getByRole('button', { name: 'Create administrator' }).click()
  await expect(page).toHaveURL(/\/chat$/)
  await expect(new ChatPage(page).composer).toBeVisible()

  await page.getByRole('button', { name: 'Theme and more' }).click()
  await expect(page.getByRole('menu')).toContainText(ADA.email)
  await page.getByRole('menuitem', { name: 'Settings' }).click()
  await expect(page.getByText('Administrator', { exact: true })).toBeVisible()

  await other.page.getByLabel('Your name').fill('Mallory')
  await other.page.getByLabel('E-mail address').fill('mallory@example.org')
  await other.page.getByLabel('Password', { exact: true }).fill(GRACE.password)
  await other.page.getByRole('button', { name: 'Create administrator' }).click()
  await expect(other.page.getByRole('main').getByRole('alert')).toContainText('not good any more')
  await other.page.goto(link)
  await other.page.reload()
  await expect(other.page.getByRole('heading', { name: 'This server is set up' })).toBeVisible()
  await other.page.getByRole('link', { name: 'Sign in' }).click()
  await expect(other.page.getByRole('heading', { name: 'Sign in to Weir' })).toBeVisible()
  other.problems.check()
})

test('an invite lets in a second person, who sees nothing of the first, until they are shut out', async ({
  browser,
  chat,
  page,
  server,
}) => {
  await setUp(server, page)
  await page.request.post('/api/conversations', { data: { title: 'Ada only' }, headers: OWN_PAGE })
  await page.goto('/settings?section=invites')
  await page.getByRole('button', { name: 'New invite' }).click()
  await page.getByLabel('For whom').fill('Grace, from the navy')
  await page.getByRole('button', { name: 'Create link' }).click()
  const link = await page.getByLabel('Link', { exact: true }).textContent()
  await page.getByRole('button', { name: 'Done' }).click()
  await expect(page.getByRole('list', { name: 'Invites' })).toContainText('Grace, from the navy')

  const other = await anotherBrowser(browser, server)
  await other.page.goto(link ?? '')
  await other.page.getByLabel('Your name').fill(GRACE.name)
  await other.page.getByLabel('E-mail address').fill(ADA.email)
  await other.page.getByLabel('Password', { exact: true }).fill(GRACE.password)
  await other.page.getByRole('button', { name: 'Create account' }).click()
  await expect(other.page.getByText('Belongs to an account already')).toBeVisible()
  await other.page.getByLabel('E-mail address').fill(GRACE.email)
  await other.page.getByRole('button', { name: 'Create account' }).click()
  const grace = new ChatPage(other.page)
  await expect(grace.composer).toBeVisible()
  await expect(grace.history).toContainText('Your conversations will be listed here')
  await chat.open()
  await expect(chat.conversation('Ada only')).toBeVisible()

  // What is for administrators is not offered, and not given.
  await other.page.goto('/settings?section=people')
  await expect(other.page.getByText('This part is not for this account')).toBeVisible()
  await expect(other.page.getByRole('link', { name: 'Invites' })).toBeHidden()
  await grace.open()
  await grace.expectNews()

  await page.goto('/settings?section=people')
  await page.getByRole('button', { name: `Actions for ${GRACE.name}` }).click()
  await page.getByRole('menuitem', { name: 'Shut out…' }).click()
  await page.getByRole('button', { name: 'Shut out', exact: true }).click()
  await expect(other.page).toHaveURL(/\/sign-in/, AT_ONCE)
  await expect(page.getByRole('list', { name: 'People' })).toContainText('Shut out')
  await signIn(other.page, GRACE)
  await expect(other.page.getByRole('main').getByRole('alert')).toContainText('wrong')
  other.problems.check()
})

test('a revoked device is thrown out at once, and comes back to what was being written', async ({
  browser,
  page,
  server,
}) => {
  await setUp(server, page)
  const made = await page.request.post('/api/conversations', {
    data: { title: 'Rivers' },
    headers: OWN_PAGE,
  })
  const { id } = (await made.json()) as { id: string }
  const other = await anotherBrowser(browser, server)
  const there = new ChatPage(other.page)
  await other.page.goto(`/chat?c=${id}`)
  await expect(other.page).toHaveURL(/\/sign-in\?next=/)
  await signIn(other.page, ADA)
  await expect(other.page).toHaveURL(new RegExp(`/chat\\?c=${id}$`))
  await there.composer.fill('Half a sentence, and')
  await there.expectNews()

  await page.goto('/settings?section=devices')
  const devices = page.getByRole('list', { name: 'Devices' })
  await expect(devices.getByRole('listitem')).toHaveCount(2)
  await expect(devices.getByText('This device')).toHaveCount(1)
  await devices.getByRole('button', { name: /^Sign out/ }).click()
  await expect(other.page).toHaveURL(/\/sign-in\?next=/, AT_ONCE)
  await expect(devices.getByRole('listitem')).toHaveCount(1)

  await signIn(other.page, ADA)
  await expect(other.page).toHaveURL(new RegExp(`/chat\\?c=${id}$`))
  await expect(there.composer).toHaveValue('Half a sentence, and')
  other.problems.check()
})

test('signing out in one tab signs out the others', async ({ chat, context, page, server }) => {
  await setUp(server, page)
  await chat.open()
  await chat.composer.fill('Nobody else is to read this')
  const tab = await anotherTab(context)
  await tab.open()
  await tab.expectNews()
  await page.bringToFront()
  await page.getByRole('button', { name: 'Theme and more' }).click()
  await page.getByRole('menuitem', { name: 'Sign out' }).click()
  await expect(page).toHaveURL(/\/sign-in/)
  await expect(tab.page).toHaveURL(/\/sign-in/, AT_ONCE)
  await signIn(page, ADA)
  await expect(chat.composer).toHaveValue('')
})

test('a new password signs out the other devices, and is the one that counts', async ({
  browser,
  page,
  server,
}) => {
  await setUp(server, page)
  const other = await anotherBrowser(browser, server)
  const there = new ChatPage(other.page)
  await other.page.goto('/sign-in')
  await signIn(other.page, ADA)
  await expect(there.composer).toBeVisible()
  await there.expectNews()

  await page.goto('/settings?section=password')
  const changed = { ...ADA, password: 'a heron waits below' }
  await page.getByLabel('Current password', { exact: true }).fill('not the password')
  await page.getByLabel('New password', { exact: true }).fill(changed.password)
  await page.getByRole('button', { name: 'Change password' }).click()
  await expect(page.getByText('Is not your password.')).toBeVisible()
  await page.getByLabel('Current password', { exact: true }).fill(ADA.password)
  await page.getByRole('button', { name: 'Change password' }).click()
  await expect(page.getByText('Your password was changed')).toBeVisible()
  await expect(other.page).toHaveURL(/\/sign-in/, AT_ONCE)
  await signIn(other.page, ADA)
  await expect(other.page.getByRole('main').getByRole('alert')).toContainText('wrong')
  await signIn(other.page, changed)
  await expect(there.composer).toBeVisible()
  // This browser is still signed in, and hears of news again.
  await page.goto('/chat')
  await new ChatPage(page).expectNews()
  other.problems.check()
})

test('a token is shown once, works as far as it may, and is worthless once revoked', async ({
  page,
  playwright,
  server,
}) => {
  await setUp(server, page)
  await page.goto('/settings?section=tokens')
  await page.getByRole('button', { name: 'New token' }).click()
  await page.getByLabel('Name', { exact: true }).fill('Nightly backup')
  await page.getByRole('checkbox', { name: 'Write' }).uncheck()
  await page.getByRole('button', { name: 'Create token' }).click()
  const secret = (await page.getByLabel('Token', { exact: true }).textContent()) ?? ''
  await expect(page.getByLabel('Example', { exact: true })).toContainText(`Bearer ${secret}`)
  await page.getByRole('button', { name: 'Copy token' }).click()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(secret)
  await page.getByRole('button', { name: 'Done' }).click()
  await expect(page.getByRole('list', { name: 'Tokens' })).toContainText('Never used')
  expect(await page.content()).not.toContain(secret)

  const program = await playwright.request.newContext({
    baseURL: server.url,
    extraHTTPHeaders: { authorization: `Bearer ${secret}` },
  })
  expect((await program.get('/api/conversations')).status()).toBe(200)
  const refused = await program.post('/api/conversations', { data: { title: 'No' } })
  expect(refused.status()).toBe(403)
  await page.getByRole('button', { name: 'Revoke Nightly backup' }).click()
  await page.getByRole('button', { name: 'Revoke', exact: true }).click()
  await expect(page.getByText('No tokens yet')).toBeVisible()
  await expect.poll(async () => (await program.get('/api/conversations')).status()).toBe(401)
  await program.dispose()
})

test('too many attempts become a countdown, and what was typed stays', async ({ page, server }) => {
  await setUp(server, page)
  await page.context().clearCookies()
  const wrong = { ...ADA, password: 'certainly not this one' }
  const guess = () => page.request.post('/api/auth/sign-in', { data: wrong, headers: OWN_PAGE })
  await expect.poll(async () => (await guess()).status(), { intervals: [0] }).toBe(429)
  await page.goto('/sign-in')
  await signIn(page, wrong)
  const waiting = page.getByRole('button', { name: /Try again in \d+ s/ })
  await expect(waiting).toHaveAttribute('aria-disabled', 'true')
  const seconds = Number(await waiting.getAttribute('data-retry-in'))
  await expect
    .poll(async () => Number(await waiting.getAttribute('data-retry-in')))
    .toBeLessThan(seconds)
  await expect(page.getByLabel('Password', { exact: true })).toHaveValue(wrong.password)
})

test('a deleted account is gone with all that is its own', async ({ browser, page, server }) => {
  await setUp(server, page)
  const other = await anotherBrowser(browser, server)
  await invite(page, other.context)
  await other.page.goto('/settings')
  await other.page.getByRole('button', { name: 'Delete account…' }).click()
  await other.page.getByLabel(/Your name, to be sure/).fill('Somebody else')
  await other.page.getByLabel('Password', { exact: true }).fill(GRACE.password)
  await other.page.getByRole('button', { name: 'Delete account', exact: true }).click()
  await expect(other.page.getByText(`Must be “${GRACE.name}”.`)).toBeVisible()
  await other.page.getByLabel(/Your name, to be sure/).fill(GRACE.name)
  await other.page.getByRole('button', { name: 'Delete account', exact: true }).click()
  await expect(other.page).toHaveURL(/\/sign-in/)
  await signIn(other.page, GRACE)
  await expect(other.page.getByRole('main').getByRole('alert')).toContainText('wrong')
  await page.goto('/settings?section=people')
  await expect(page.getByRole('list', { name: 'People' })).toContainText(ADA.name)
  await expect(page.getByRole('list', { name: 'People' })).not.toContainText(GRACE.name)
  other.problems.check()
})
