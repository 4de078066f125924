import { join } from 'node:path'

import type { Page } from '@playwright/test'

import { Cluster } from './cluster'
import { expect, test } from './fixtures'
import { ADA, anotherBrowser, GRACE, invite, OWN_PAGE, setUp } from './people'
import { services } from './services'
import { traffic } from './traffic'

const FOLDER = process.env['WEIR_SCREENSHOTS'] ?? 'screenshots'
/** How long there is traffic before the first picture of the dashboard, in seconds. */
const TRAFFIC_SECONDS = Number(process.env['WEIR_SCREENSHOTS_TRAFFIC'] ?? 60)

const LOOKS = (['light', 'dark'] as const).flatMap((colorScheme) =>
  [
    { width: 390, height: 844 },
    { width: 1440, height: 900 },
  ].map((viewport) => ({ colorScheme, viewport })),
)

/** A picture in either theme, on a phone and on a desk. */
async function shoot(page: Page, state: string): Promise<void> {
  for (const { colorScheme, viewport } of LOOKS) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize(viewport)
    await page.waitForTimeout(400)
    await page.screenshot({ path: join(FOLDER, `${viewport.width}-${colorScheme}-${state}.png`) })
  }
}

test.describe('accounts', () => {
  test.use({ settings: { WEIR_AUTH: 'required' } })

  test('the way in, and the settings', async ({ browser, page, problems, server }) => {
    test.setTimeout(240_000)
    problems.expect(/status of/)
    await page.goto('/sign-in')
    await expect(page.getByRole('heading', { name: 'This server is new' })).toBeVisible()
    await shoot(page, '50-new')
    await page.goto('/join')
    await expect(page.getByText('needs your invite')).toBeVisible()
    await shoot(page, '51-join-without-secret')
    await page.goto('/join#anything')
    await page.getByLabel('Your name').fill(GRACE.name)
    await shoot(page, '52-join')
    await page.goto(await server.setupLink())
    await page.getByRole('button', { name: 'Create administrator' }).click()
    await shoot(page, '53-setup-faults')
    await setUp(server, page)
    const other = await anotherBrowser(browser, server)
    await invite(page, other.context)
    await page.request.post('/api/invites', {
      data: { role: 'administrator', note: 'Katherine, who computes trajectories' },
      headers: OWN_PAGE,
    })
    await page.request.post('/api/me/tokens', {
      data: { name: 'Nightly backup', scopes: ['read'], expiresInDays: 90 },
      headers: OWN_PAGE,
    })
    await page.request.post('/api/me/tokens', {
      data: {
        name: 'A much longer name of a token that has all',
        scopes: ['read', 'write', 'admin'],
      },
      headers: OWN_PAGE,
    })
    for (const section of ['profile', 'password', 'devices', 'tokens', 'people', 'invites']) {
      await page.goto(`/settings?section=${section}`)
      await expect(page.getByRole('status', { name: /^Loading/ })).toHaveCount(0)
      await shoot(page, `54-settings-${section}`)
    }
    await page.getByRole('button', { name: 'New invite' }).click()
    await shoot(page, '55-new-invite')
    await page.getByRole('button', { name: 'Create link' }).click()
    await expect(page.getByLabel('Link', { exact: true })).toBeVisible()
    await shoot(page, '56-link')
    await page.getByRole('button', { name: 'Done' }).click()
    await page.goto('/settings?section=tokens')
    await page.getByRole('button', { name: 'New token' }).click()
    await page.getByRole('button', { name: 'Create token' }).click()
    await shoot(page, '57-new-token-fault')
    await page.getByLabel('Name', { exact: true }).fill('Evaluation')
    await page.getByRole('button', { name: 'Create token' }).click()
    await expect(page.getByLabel('Token', { exact: true })).toBeVisible()
    await shoot(page, '58-token')
    await page.getByRole('button', { name: 'Done' }).click()
    await page.goto('/settings?section=people')
    await page.getByRole('button', { name: `Actions for ${GRACE.name}` }).click()
    await shoot(page, '59-person-menu')
    await page.getByRole('menuitem', { name: 'Shut out…' }).click()
    await shoot(page, '60-shut-out')
    await page.keyboard.press('Escape')
    await page.goto('/settings')
    await page.getByRole('button', { name: 'Delete account…' }).click()
    await shoot(page, '61-delete-account')
    await page.keyboard.press('Escape')
    await page.route('**/api/me', (route) =>
      route.request().method() === 'PATCH'
        ? route.fulfill({ status: 429, headers: { 'retry-after': '45' }, body: '' })
        : route.fallback(),
    )
    await page.getByLabel('Name', { exact: true }).fill('Ada King')
    await page.getByRole('button', { name: 'Save name' }).click()
    await shoot(page, '62-name-refused')
    await page.route('**/api/me/devices', (route) =>
      route.fulfill({ status: 429, headers: { 'retry-after': '45' }, body: '' }),
    )
    await page.goto('/settings?section=devices')
    await expect(page.getByRole('main').getByRole('alert')).toBeVisible()
    await shoot(page, '63-load-refused')
    await page.context().clearCookies()
    await page.goto('/sign-in?next=%2Fchat')
    await page.getByLabel('E-mail address').fill(ADA.email)
    await page.getByLabel('Password', { exact: true }).fill('wrong')
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await expect(page.getByRole('main').getByRole('alert')).toBeVisible()
    await shoot(page, '64-sign-in-refused')
    other.problems.check()
  })
})

test('an open server', async ({ chat, page, problems }) => {
  test.setTimeout(120_000)
  problems.expect(/status of/)
  await page.goto('/sign-in')
  await expect(page.getByRole('heading', { name: 'No sign-in needed' })).toBeVisible()
  await shoot(page, '65-open-sign-in')
  await page.goto('/settings')
  await expect(page.getByText('WEIR_AUTH=required')).toBeVisible()
  await shoot(page, '66-open-settings')
  await page.goto('/dashboard')
  await expect(page.locator('[data-feed]')).toHaveAttribute('data-feed', 'live')
  await shoot(page, '67-dashboard-idle')
  await page.setViewportSize({ width: 1440, height: 900 })
  await chat.open()
  await page.request.post('/api/conversations', { data: { title: 'Rivers' } })
  await page.route('**/api/conversations/*', (route) =>
    route.fulfill({ status: 429, headers: { 'retry-after': '45' }, body: '' }),
  )
  await expect(chat.conversation('Rivers')).toBeVisible()
  await chat.act('Rivers', 'Pin')
  await expect(page.getByText('Too many requests.')).toBeVisible()
  await shoot(page, '68-toast')
})

test('the dashboard of two servers at work', async ({ browser, upstream }) => {
  const available = services()
  if (!available) return
  test.setTimeout(240_000 + TRAFFIC_SECONDS * 1_000)
  const cluster = await Cluster.start(available, {
    WEIR_AUTH: 'required',
    WEIR_LOCAL_MODEL: 'off',
    WEIR_RATE_LIMIT: '1000',
    WEIR_RATE_BURST: '5000',
    OPENAI_BASE_URL: upstream.url,
    OPENAI_API_KEY: 'sk-test',
  })
  const ada = await browser.newContext({ baseURL: cluster.url, locale: 'en-GB' })
  const grace = await browser.newContext({ baseURL: cluster.url, locale: 'en-GB' })
  const page = await ada.newPage()
  const [first, second] = cluster.servers
  // The link of an earlier start is dead.
  await setUp(second, page)
  await invite(page, grace)
  const stop = traffic(
    [
      { request: ada.request, at: first.url },
      { request: ada.request, at: second.url },
      { request: grace.request, at: first.url },
      { request: grace.request, at: second.url },
      { request: grace.request, at: second.url },
    ],
    upstream,
  )
  await page.goto('/dashboard')
  await shoot(page, '70-dashboard-first')
  await page.waitForTimeout(TRAFFIC_SECONDS * 1_000)
  await shoot(page, '71-dashboard')
  await page.getByRole('radio', { name: '1 min' }).click()
  await page
    .locator('figure .u-over')
    .nth(1)
    .hover({ position: { x: 120, y: 60 } })
  await shoot(page, '72-dashboard-minute')
  for (const [name, height] of [
    ['desk', 2600],
    ['phone', 6400],
  ] as const) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width: name === 'desk' ? 1440 : 390, height })
      await page.waitForTimeout(1_000)
      await page.screenshot({ path: join(FOLDER, `73-dashboard-whole-${name}-${colorScheme}.png`) })
    }
  }
  await page.setViewportSize({ width: 1440, height: 900 })
  await page.getByRole('radiogroup', { name: 'Instance' }).getByRole('radio').nth(1).click()
  await shoot(page, '74-dashboard-instance')
  await page.getByRole('button', { name: 'Show as table' }).click()
  await shoot(page, '75-dashboard-table')
  await page.goto('/dashboard?wall')
  await expect(page.locator('figure canvas').first()).toBeVisible()
  await page.waitForTimeout(2_000)
  await shoot(page, '76-dashboard-wall')
  await page.goto('/dashboard')
  await expect(page.locator('[data-feed]')).toHaveAttribute('data-feed', 'live')
  await first.kill()
  await page.waitForTimeout(12_000)
  await shoot(page, '77-dashboard-one-gone')
  await second.kill()
  await page.waitForTimeout(4_000)
  await shoot(page, '78-dashboard-stale')
  await stop()
  await ada.close()
  await grace.close()
  await cluster.stop()
})
