import { expectAccessible } from './support/axe'
import { expect, test } from './support/fixtures'
import { PLACES } from './support/places'

const ANSWER = `# Weirs

A *weir* is a **low dam** with \`water\` flowing over it; see [more](https://example.com/).

> It is older than writing.

1. Build it
2. Watch it

| Part | Use |
|------|-----|
| Sill | Holds water |

\`\`\`python
def flow(height: float) -> float:  # cubic metres
    return 1.84 * height ** 1.5
\`\`\``

for (const [place, viewport] of Object.entries(PLACES)) {
  test.describe(`axe finds nothing: ${place}`, () => {
    test.use({ viewport })

    test('empty, writing, written, failed and stopped', async ({ chat, page, upstream }) => {
      await chat.open()
      await expect(page.getByRole('button', { name: 'Model: scripted' })).toBeVisible()
      await expectAccessible(page, 'empty')

      const answer = upstream.next({ text: ANSWER })
      await chat.say('What is a weir?')
      await expect(page.getByText('Reading…')).toBeVisible()
      await expectAccessible(page, 'reading')
      answer.send(40)
      await expect(chat.answerText).toContainText('older than')
      await expectAccessible(page, 'writing')
      answer.finish()
      await chat.expectEnding('complete')
      await expect(chat.answers.last().locator('pre span[style]').first()).toBeVisible()
      await expectAccessible(page, 'written')

      upstream.refuse({ status: 401, message: 'No' })
      await chat.say('Fail now')
      await chat.expectEnding('error')
      await expectAccessible(page, 'failed')
      await page.getByRole('button', { name: 'Retry' }).click()
      upstream.next({ text: ANSWER }).send(9)
      await expect(chat.answers.last()).toHaveAttribute('data-status', /error|streaming/)
    })

    test('dialogs, menus and the sheet', async ({ api, chat, page }) => {
      await chat.open(await api.exchange('Rivers'))
      await expect(chat.answerText).toBeVisible()

      await page.getByRole('button', { name: 'Theme and more' }).click()
      await expect(page.getByRole('menu')).toBeVisible()
      await expectAccessible(page, 'menu')
      await page.getByRole('menuitem', { name: /Keyboard shortcuts/ }).click()
      await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible()
      await expectAccessible(page, 'shortcuts')
      await page.keyboard.press('Escape')

      await page.keyboard.press('Control+k')
      await expect(page.getByRole('option', { name: 'Rivers' })).toBeVisible()
      await expectAccessible(page, 'palette')
      await page.keyboard.press('Escape')
      await expect(page.getByRole('dialog')).toBeHidden()

      await page.getByRole('button', { name: 'Model: scripted' }).click()
      await expect(page.getByRole('menuitemradio')).toBeVisible()
      await expectAccessible(page, 'models')
      await page.keyboard.press('Escape')

      if (viewport.width < 1_024) {
        await page.getByRole('button', { name: 'Open the history' }).click()
        await expect(page.getByRole('dialog', { name: 'History' })).toBeVisible()
        await expectAccessible(page, 'sheet')
      }
      await page.getByRole('button', { name: 'Actions for Rivers' }).click()
      await page.getByRole('menuitem', { name: 'Delete' }).click()
      await expect(page.getByRole('alertdialog')).toBeVisible()
      await expectAccessible(page, 'delete')
    })
  })
}

test.describe('without a model', () => {
  test.use({ hasUpstream: false })

  test('axe finds nothing', async ({ page }) => {
    await page.goto('/chat')
    await expect(page.getByText('This server has no model yet')).toBeVisible()
    await expectAccessible(page, 'no model')
  })
})

test('axe finds nothing where there is no such conversation or page', async ({
  chat,
  page,
  problems,
}) => {
  problems.expect(/status of 404/)
  await page.goto('/chat?c=018f0000-0000-7000-8000-000000000000')
  await expect(chat.alert).toContainText('does not exist')
  await expectAccessible(page, 'no such conversation')
  await page.goto('/nowhere')
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  await expectAccessible(page, 'no such page')
})
