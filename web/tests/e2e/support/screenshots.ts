import { join } from 'node:path'

import type { Page } from '@playwright/test'

import { paragraphs } from './chat-page'
import { expect, test } from './fixtures'
import { NETWORK_LOSS } from './problems'

const FOLDER = process.env['WEIR_SCREENSHOTS'] ?? 'screenshots'
const NOWHERE = '018f0000-0000-7000-8000-000000000000'

const ANSWER = `A **weir** is a low barrier across a river. Water flows *over* it, which keeps the level above it steady.

## How much flows

For a sharp crest the discharge follows from the height of the water above it:

\`\`\`python
def discharge(height: float, width: float) -> float:
    """Cubic metres a second over a rectangular sharp-crested weir."""
    return 1.84 * width * height ** 1.5  # SI units, Francis' formula without end contractions
\`\`\`

1. Measure the **height** well upstream of the crest.
2. Multiply by the width.
   - Subtract what the sides hold back.
3. Compare with a gauge, such as [this one](https://example.com/).

| Weir | Crest | Use |
|:-----|:-----:|----:|
| Sharp | thin plate | measuring |
| Broad | thick sill | keeping a level |
| Labyrinth | folded | floods |

> Rivers know this: there is no hurry.

So \`discharge(0.2, 3)\` is about half a cubic metre a second.`

for (const scheme of ['light', 'dark'] as const) {
  for (const [width, height] of [
    [390, 844],
    [1440, 900],
  ] as const) {
    test.describe(`${scheme}, ${width} px`, () => {
      const isPhone = width < 1_024
      test.use({
        colorScheme: scheme,
        viewport: { width, height },
        hasTouch: isPhone,
        isMobile: isPhone,
      })
      test.setTimeout(180_000)

      const shoot = async (page: Page, state: string) => {
        await page.waitForTimeout(350)
        await page.screenshot({ path: join(FOLDER, `${width}-${scheme}-${state}.png`) })
      }

      test('a conversation', async ({ api, chat, context, page, problems, upstream }) => {
        problems.expect(NETWORK_LOSS, /status of/)
        await chat.open()
        await expect(page.getByRole('button', { name: 'Model: scripted' })).toBeVisible()
        await shoot(page, '01-empty')

        for (const title of ['Bread for beginners', 'A week in Lisbon', 'Why leaves turn red']) {
          await api.exchange(title)
        }
        await page.reload()
        const answer = upstream.next({ text: ANSWER })
        await chat.composer.fill('What is a weir, and how much water flows over one?')
        await shoot(page, '02-written')
        await chat.sendButton.click()
        await expect(page.getByText('Reading…')).toBeVisible()
        await shoot(page, '03-reading')
        answer.send(70)
        await expect(chat.answerText).toContainText('discharge')
        await shoot(page, '04-writing')
        await context.setOffline(true)
        await shoot(page, '05-offline')
        await context.setOffline(false)
        answer.finish()
        await chat.expectEnding('complete')
        await expect(chat.answers.last().locator('pre span[style]').first()).toBeVisible()
        await shoot(page, '06-answered')
        await chat.list.evaluate((list) => {
          list.scrollTop = 0
        })
        await shoot(page, '07-scrolled')

        const second = upstream.next({ text: paragraphs(1) })
        await chat.composer.fill('Say that again, in one paragraph.')
        await chat.sendButton.click()
        second.send(30)
        await expect(chat.answerText).toContainText('word1')
        await chat.stopButton.click()
        await chat.expectEnding('cancelled')
        await shoot(page, '08-stopped')
        upstream.refuse({ status: 401, message: 'Incorrect API key' })
        await page.getByRole('button', { name: 'Regenerate' }).last().click()
        await chat.expectEnding('error')
        await shoot(page, '09-failed')
        await page.route('**/api/realtime', (route) =>
          route.fulfill({ status: 429, headers: { 'retry-after': '30' }, body: 'Busy' }),
        )
        await chat.composer.fill('Are you busy?')
        await chat.sendButton.click()
        await expect(page.getByText(/Trying again in/)).toBeVisible()
        await shoot(page, '10-busy')
      })

      test('menus and dialogs', async ({ api, chat, page, problems }) => {
        problems.expect(/status of/)
        const id = await api.exchange('Rivers', ANSWER)
        await api.exchange('A much longer title that cannot be shown as a whole in the history')
        await chat.open(id)
        await expect(chat.answerText).toBeVisible()
        await page.getByRole('button', { name: 'Theme and more' }).click()
        await shoot(page, '20-menu')
        await page.getByRole('menuitem', { name: /Keyboard shortcuts/ }).click()
        await expect(page.getByRole('dialog')).toBeVisible()
        await shoot(page, '21-shortcuts')
        await page.keyboard.press('Escape')
        await page.getByRole('button', { name: 'Model: scripted' }).click()
        await shoot(page, '22-models')
        await page.keyboard.press('Escape')
        await page.keyboard.press('Control+k')
        await expect(page.getByRole('option', { name: 'Rivers' })).toBeVisible()
        await shoot(page, '23-palette')
        await page.keyboard.press('Escape')
        await expect(page.getByRole('dialog')).toBeHidden()
        if (isPhone) {
          await page.getByRole('button', { name: 'Open the history' }).click()
          await shoot(page, '24-sheet')
        }
        await page.getByRole('button', { name: 'Actions for Rivers' }).click()
        await shoot(page, '25-actions')
        await page.getByRole('menuitem', { name: 'Delete' }).click()
        await expect(page.getByRole('alertdialog')).toBeVisible()
        await shoot(page, '26-delete')
        await page.getByRole('button', { name: 'Delete', exact: true }).click()
        await expect(page.getByText('Conversation deleted')).toBeVisible()
        await shoot(page, '27-deleted')
        await page.goto(`/chat?c=${NOWHERE}`)
        await expect(chat.alert).toBeVisible()
        await shoot(page, '28-missing')
        await page.goto('/nowhere')
        await shoot(page, '29-no-page')
      })

      test('before anything has loaded', async ({ api, chat, page }) => {
        const id = await api.exchange('Rivers')
        await page.route('**/api/**', () => new Promise(() => undefined))
        await chat.open(id)
        await shoot(page, '30-loading')
        await page.unrouteAll({ behavior: 'ignoreErrors' })
      })

      test.describe('models', () => {
        test.use({ hasUpstream: false })

        test('none', async ({ chat, page }) => {
          await chat.open()
          await expect(page.getByText('This server has no model yet')).toBeVisible()
          await shoot(page, '31-no-model')
        })

        test.describe('embedded', () => {
          test.use({ settings: { WEIR_LOCAL_MODEL: '' } })

          test('only', async ({ chat, page }) => {
            await chat.open()
            await expect(page.getByText(/small demonstration model/)).toBeVisible()
            await shoot(page, '32-demo')
            await page.getByRole('button', { name: 'Plug in a larger model' }).click()
            await shoot(page, '33-larger-model')
          })
        })
      })
    })
  }
}
