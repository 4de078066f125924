import type { Locator, Page } from '@playwright/test'

import { expectAccessible } from './support/axe'
import { anotherTab, expect, test } from './support/fixtures'
import { everything, programs } from './support/programs'

/** Of a server that is not ours: it asks the person for a name and a dozen other things. */
const TOOL = 'everything__trigger-elicitation-request'

test.skip(programs() === undefined, 'The programs of others are not installed.')

test.beforeEach(async ({ api, upstream }) => {
  await api.serve('everything', everything(), TOOL)
  await api.permit(TOOL, 'allow')
  upstream.next({ text: 'It asks you.', calls: [{ name: TOOL, args: {} }] }).finish()
  upstream.next({ text: 'Thank you.' }).finish()
})

/** The call's card in the conversation. */
function cardOf(page: Page): Locator {
  return page.locator(`[data-tool-call="${TOOL}"]`)
}

/** The question, wherever it stands. */
function formIn(place: Page | Locator): Locator {
  return place.getByRole('form', { name: /Please provide inputs for the following fields:$/ })
}

/** Opens what waits for the person's word, in the header. */
async function openWaiting(page: Page): Promise<Locator> {
  await page.getByRole('button', { name: '1 tool waits for your word' }).click()
  return page.getByRole('dialog', { name: 'What waits for your word' })
}

test('what a tool asks in one tab is answered in another, and the first goes on', async ({
  chat,
  context,
  page,
  problems,
  upstream,
}) => {
  problems.expect(/status of 422/)
  await chat.open()
  await chat.expectNews()
  const other = await anotherTab(context)
  await other.open()
  await other.expectNews()
  await chat.say('Ask me')
  const card = cardOf(page)
  await expect(formIn(card)).toBeVisible()
  await expect(formIn(card)).toContainText('The server everything asks:')
  await expect(card).toHaveAttribute('data-state', 'running')

  const waiting = await openWaiting(other.page)
  const form = formIn(waiting)
  // What the server proposes stands in the fields, in its own words.
  const hero = form.getByLabel('Titled Single Select Enum', { exact: true })
  await expect(hero).toHaveValue('hero-1')
  await expect(form.getByRole('checkbox', { name: 'Tuna' })).toBeChecked()

  // What is left out is told at its field before anything is sent …
  const name = form.getByLabel('String (required)')
  await form.getByRole('button', { name: 'Send' }).click()
  await expect(name).toHaveAccessibleDescription('String is required')
  await expect(name).toBeFocused()
  // … and what does not fit by the server.
  await name.fill('Ada Lovelace')
  const whole = form.getByLabel('Integer', { exact: true })
  await whole.fill('101')
  await form.getByRole('button', { name: 'Send' }).click()
  await expect(whole).toHaveAccessibleDescription(/100/)
  await expect(whole).toHaveAttribute('aria-invalid', 'true')
  await expect(whole).toBeFocused()
  await whole.fill('7')
  await hero.selectOption('Wonder Woman')
  await form.getByRole('checkbox', { name: 'Trout' }).check()
  await form.getByRole('button', { name: 'Send' }).click()
  await expect(waiting).toContainText('Nothing waits for your word.')

  await expect(card).toHaveAttribute('data-state', 'done')
  await expect(formIn(page)).toHaveCount(0)
  await expect(page.locator('[data-approvals]')).toHaveCount(0)
  await chat.expectEnding('complete')
  await expect(chat.answers).toHaveCount(1)
  const told = upstream.questions.at(-1) ?? ''
  expect(told).toContain('Name: Ada Lovelace')
  expect(told).toContain('Favorite Integer: 7')
  expect(told).toMatch(/"titledSingleSelectEnum\W+hero-3/)
  expect(told).toMatch(/"titledMultipleSelectEnum\W+fish-1\W+fish-3/)
})

test('a question is declined with the keyboard, and the tool is told so', async ({
  chat,
  page,
  upstream,
}) => {
  await chat.open()
  await chat.say('Ask me')
  const card = cardOf(page)
  await formIn(card).getByRole('button', { name: 'Do not answer' }).focus()
  await page.keyboard.press('Enter')
  await expect(formIn(page)).toHaveCount(0)
  await expect(card).toHaveAttribute('data-state', 'done')
  await expect(card.getByRole('button', { expanded: false })).toBeFocused()
  await chat.expectEnding('complete')
  expect(upstream.questions.at(-1)).toContain('User declined')
})

test('a question that waits is there after a reload, and its answer is taken', async ({
  chat,
  page,
  upstream,
}) => {
  // Each look of axe takes a second or two.
  test.slow()
  await chat.open()
  await chat.say('Ask me')
  await expect(formIn(cardOf(page))).toBeVisible()
  await chat.conversationId()

  await page.reload()
  const form = formIn(cardOf(page))
  await form.getByRole('button', { name: 'Send' }).click()
  await expect(form.getByLabel('String (required)')).toBeFocused()
  await expectAccessible(page, 'a question with a fault, in the card')
  await openWaiting(page)
  await expectAccessible(page, 'a question in the header')
  await page.keyboard.press('Escape')

  await form.getByLabel('String (required)').fill('Grace Hopper')
  await page.keyboard.press('Enter')
  await expect(cardOf(page)).toHaveAttribute('data-state', 'done')
  await chat.expectEnding('complete')
  await expect(chat.answers).toHaveCount(1)
  expect(upstream.questions.at(-1)).toContain('Name: Grace Hopper')
})
