import type { Locator, Page } from '@playwright/test'

import { expectAccessible } from './support/axe'
import { ChatPage, prose } from './support/chat-page'
import { expect, test } from './support/fixtures'
import { PLACES } from './support/places'
import { NETWORK_LOSS } from './support/problems'

/** The dashboard as a person sees it. */
class Dashboard {
  readonly page: Page
  /** Whether the figures are of now. */
  readonly feed: Locator
  readonly tables: Locator
  readonly fullScreen: Locator

  constructor(page: Page) {
    this.page = page
    this.feed = page.locator('[data-feed]')
    this.tables = page.getByRole('table')
    this.fullScreen = page.getByRole('button', { name: 'Full screen' })
  }

  async open(path = '/dashboard'): Promise<void> {
    await this.page.goto(path)
    await expect(this.feed).toHaveAttribute('data-feed', 'live')
  }

  /** What a tile says: its figure, and what stands below. */
  tile(label: string): Locator {
    const name = this.page.getByRole('term').filter({ hasText: label })
    return this.page.locator('dl > div').filter({ has: name }).getByRole('definition')
  }
}

const spec = test.extend<{ dashboard: Dashboard }>({
  dashboard: async ({ page }, provide) => {
    await provide(new Dashboard(page))
  },
})

spec('it moves while another page talks', async ({ context, dashboard, page, upstream }) => {
  await dashboard.open()
  await expect(dashboard.tile('Answers in flight')).toContainText('0')
  await expect(page.getByText('No answer is being written.')).toBeVisible()

  const answer = upstream.next({ text: prose(2_000), rate: 40 })
  const chat = new ChatPage(await context.newPage())
  await chat.open()
  await chat.say('Count for me')
  await expect(chat.answerText).toContainText('word3')

  await expect(dashboard.tile('Answers in flight')).toContainText(/^1/)
  await expect(dashboard.tile('Tokens written')).toContainText(/^[1-9]/)
  await expect(dashboard.tile('First token')).toContainText('ms')
  // One's own answer can be read as it grows, and leads to its conversation.
  const preview = page.locator('[data-preview]')
  await expect(preview).toContainText(/word\d+/)
  const before = await preview.textContent()
  await expect(preview).not.toHaveText(before ?? '')
  await expect(page.getByRole('link', { name: 'Count for me' }).last()).toHaveAttribute(
    'href',
    /\/chat\?c=/,
  )

  answer.finish()
  await chat.expectEnding('complete')
  await expect(page.getByText('No answer is being written.')).toBeVisible()
  await expect(dashboard.tile('Answers in flight')).toContainText('0')
})

spec('the charts have come, and each says in words what it shows', async ({ dashboard, page }) => {
  await dashboard.open()
  await expect(page.locator('figure canvas')).toHaveCount(12)
  await expect(page.getByRole('figure').first()).toContainText(
    /Requests in the last 15 minutes\. Answered: .* a second now/,
  )
})

spec('it is used by the keyboard, and read as a table', async ({ dashboard, page }) => {
  await dashboard.open()
  await expect(page.locator('figure canvas')).toHaveCount(12)
  const minutes = page.getByRole('radiogroup', { name: 'Minutes shown' })
  await minutes.getByRole('radio', { name: '15 min' }).focus()
  // A key is down for a while: the radios choose what the focus comes to while it is.
  await page.keyboard.press('ArrowLeft', { delay: 100 })
  await expect(minutes.getByRole('radio', { name: '5 min', exact: true })).toBeChecked()
  await page.keyboard.press('ArrowLeft', { delay: 100 })
  await expect(minutes.getByRole('radio', { name: '1 min' })).toBeChecked()

  await page.keyboard.press('Tab')
  await expect(page.getByRole('button', { name: 'Show as table' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(dashboard.tables).toHaveCount(12)
  const requests = page.getByRole('table', { name: /^Requests a second, each 4 seconds/ })
  await expect(requests.getByRole('columnheader')).toHaveText(['From', 'Answered', 'With an error'])
  await expect(requests.getByRole('row').nth(1)).toContainText('/s')
  await page.keyboard.press('Space')
  await expect(dashboard.tables).toHaveCount(0)

  await page.keyboard.press('f')
  await expect(page).toHaveURL(/\/dashboard\?wall$/)
  await expect(page.getByRole('navigation')).toHaveCount(0)
  await expect(dashboard.tile('Processor')).toContainText('cores')
  await page.keyboard.press('f')
  await expect(page).toHaveURL(/\/dashboard$/)
  await expect(page.getByRole('navigation', { name: 'Conversations' })).toBeVisible()
})

spec('it says since when there are no figures', async ({ dashboard, page, problems, server }) => {
  problems.expect(NETWORK_LOSS, /status of/, /WebSocket/)
  await dashboard.open()
  await server.kill()
  await expect(dashboard.feed).toHaveText(/^Reconnecting… No figures( since [\d:]+)?$/)
  await expect(dashboard.feed).toHaveText(/ since [\d:]+$/)
  await expect(page.locator('[data-old]')).toBeVisible()
  await expectAccessible(page, 'old figures')
  await server.start()
  await expect(dashboard.feed).toHaveText('Live', { timeout: 20_000 })
  await expect(page.locator('[data-old]')).toHaveCount(0)
})

spec('it is one of the pages that lead to each other', async ({ chat, page }) => {
  await chat.open()
  await page.mouse.move(200, 300)
  await page.getByRole('link', { name: 'Dashboard' }).click()
  await expect(page).toHaveURL(/\/dashboard$/)
  await expect(page).toHaveTitle('Dashboard · Weir')
  await expect(page.getByRole('link', { name: 'Dashboard' })).toHaveAttribute(
    'aria-current',
    'page',
  )
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox').fill('tools')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/tools$/)
})

spec(
  'what a page tells of itself is counted, unless it is switched off',
  async ({ chat, page, request }) => {
    const told = page.waitForRequest('**/api/telemetry')
    await chat.open()
    await page.mouse.move(200, 300)
    await page.mouse.click(640, 20)
    // It is sent after a while, or when the page is left.
    await told
    await expect(async () => {
      expect(await (await request.get('/metrics')).text()).toMatch(
        /weir_web_vital_seconds_count\{name="FCP"\} [1-9]/,
      )
    }).toPass()

    await page.goto('/settings')
    const choice = page.getByRole('checkbox', { name: 'Tell this server how its pages do' })
    await choice.uncheck()
    await page.reload()
    await expect(choice).not.toBeChecked()
  },
)

for (const [place, viewport] of Object.entries(PLACES)) {
  spec.describe(`axe finds nothing: ${place}`, () => {
    spec.use({ viewport })

    spec('as charts, as tables and on a wall', async ({ dashboard, page }) => {
      test.setTimeout(120_000)
      await dashboard.open()
      await expect(page.locator('figure canvas')).toHaveCount(12)
      await expectAccessible(page, 'charts')
      await page.getByRole('button', { name: 'Show as table' }).click()
      await expect(dashboard.tables).toHaveCount(12)
      await expectAccessible(page, 'tables')
      await dashboard.open('/dashboard?wall')
      await expect(page.locator('figure canvas')).toHaveCount(12)
      await expectAccessible(page, 'wall')
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - window.innerWidth,
      )
      expect(overflow).toBeLessThanOrEqual(0)
    })
  })
}
