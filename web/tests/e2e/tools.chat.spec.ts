import { expectAccessible } from './support/axe'
import { anotherTab, expect, test } from './support/fixtures'
import { PLACES } from './support/places'
import { NETWORK_LOSS } from './support/problems'

test('a call shows its card where it stands, and the answer goes on', async ({
  chat,
  page,
  upstream,
}) => {
  upstream
    .next({ text: 'Let me see.', calls: [{ name: 'calculate', args: { expression: '6*7' } }] })
    .finish()
  upstream.next({ text: 'It is forty-two.' }).finish()
  await chat.open()
  await chat.say('What is 6 times 7?')
  await chat.expectEnding('complete')

  const card = page.locator('[data-tool-call="calculate"]')
  await expect(card).toHaveAttribute('data-state', 'done')
  await expect(chat.answers.last().locator('.markdown')).toHaveText([
    'Let me see.',
    'It is forty-two.',
  ])
  await card.getByRole('button', { expanded: false }).click()
  await expect(card.getByText('42', { exact: true })).toBeVisible()

  await page.reload()
  await expect(card).toHaveAttribute('data-state', 'done')
  expect(upstream.questions.at(-1)).toContain('42')
})

test('what one tab asks is approved in another', async ({ api, chat, context, page, upstream }) => {
  await api.permit('calculate', 'ask')
  upstream.next({ text: '', calls: [{ name: 'calculate', args: { expression: '1+1' } }] })
  upstream.next({ text: 'Two.' }).finish()
  await chat.open()
  await chat.expectNews()
  const other = await anotherTab(context)
  await other.open()
  await other.expectNews()

  await chat.say('One and one?')
  const card = page.locator('[data-tool-call="calculate"]')
  await expect(card).toHaveAttribute('data-state', 'waiting')
  await expect(chat.answers).toHaveCount(1)

  await other.page.getByRole('button', { name: '1 tool waits for your word' }).click()
  await other.page.getByRole('button', { name: 'Allow once' }).click()
  await expect(other.page.getByText('Nothing waits for your word.')).toBeVisible()

  await expect(card).toHaveAttribute('data-state', 'done')
  await chat.expectEnding('complete')
  await expect(chat.answers).toHaveCount(1)
  await expect(page.locator('[data-approvals]')).toHaveCount(0)
})

test('a call that waits is there after a reload, and is denied with a word by the keyboard', async ({
  api,
  chat,
  page,
  upstream,
}) => {
  await api.permit('calculate', 'ask')
  upstream
    .next({ text: 'May I?', calls: [{ name: 'calculate', args: { expression: '1+1' } }] })
    .finish()
  upstream.next({ text: 'Then by heart: two.' }).finish()
  await chat.open()
  await chat.say('One and one?')
  const card = page.locator('[data-tool-call="calculate"]')
  await expect(card).toHaveAttribute('data-state', 'waiting')
  await chat.conversationId()

  await page.reload()
  await expect(card).toHaveAttribute('data-state', 'waiting')
  await expect(page.locator('[data-approvals="1"]')).toBeVisible()
  await card.getByRole('button', { name: 'Deny and say why' }).focus()
  await page.keyboard.press('Enter')
  await page.keyboard.type('Use your head.')
  await page.keyboard.press('Enter')

  await expect(card).toHaveAttribute('data-state', 'denied')
  await expect(card).toContainText('Use your head.')
  await chat.expectEnding('complete')
  expect(upstream.questions.at(-1)).toContain('Use your head.')
})

test('a long call goes on by itself when the connection is lost and comes back', async ({
  api,
  chat,
  context,
  line,
  page,
  problems,
  upstream,
}) => {
  problems.expect(NETWORK_LOSS)
  await api.permit('wait', 'allow')
  upstream.next({ text: '', calls: [{ name: 'wait', args: { seconds: 6 } }] })
  upstream.next({ text: 'There.' }).finish()
  await page.goto(`${line.url}/chat`)
  await chat.say('Wait a little')
  const card = page.locator('[data-tool-call="wait"]')
  await expect(card).toHaveAttribute('data-state', 'running')
  await expect(card.locator('[data-call-note]')).toBeVisible()

  await context.setOffline(true)
  line.cut()
  await expect(chat.list).toHaveAttribute('data-stream', 'offline')
  await expect(card).toHaveAttribute('data-state', 'running')
  line.mend()
  await context.setOffline(false)

  await expect(card).toHaveAttribute('data-state', 'done', { timeout: 20_000 })
  await chat.expectEnding('complete')
  await expect(chat.answers).toHaveCount(1)
})

test('a person calls a tool by / with the keyboard, and sees a fault at its field', async ({
  chat,
  page,
  problems,
}) => {
  problems.expect(/status of 422/)
  await chat.open()
  await chat.composer.fill('/wai')
  await expect(page.getByRole('option', { name: /^Wait/ })).toHaveAttribute('aria-selected', 'true')
  await page.keyboard.press('Enter')
  const seconds = page.getByRole('textbox', { name: /^Seconds/ })
  await expect(seconds).toBeFocused()
  await seconds.fill('-1')
  await page.keyboard.press('Enter')
  await expect(page.locator('[data-field-error="seconds"]')).toBeVisible()
  await seconds.fill('0.6')
  await page.keyboard.press('Enter')

  const card = page.locator('[data-tool-call="wait"]')
  await expect(card).toHaveAttribute('data-state', 'done')
  await expect(chat.composer).toBeFocused()
  await card.getByRole('button', { name: 'Dismiss Wait' }).click()
  await expect(card).toHaveCount(0)
})

test('a sent message is edited into a version of its own', async ({
  api,
  chat,
  page,
  upstream,
}) => {
  upstream.next({ text: 'Blue.' }).finish()
  upstream.next({ text: 'Red, then.' }).finish()
  await chat.open()
  await chat.say('Name a colour')
  await chat.expectEnding('complete')

  await chat.questions.last().hover()
  await page.getByRole('button', { name: 'Edit message' }).click()
  const editor = page.getByRole('textbox', { name: 'Your message' })
  await expect(editor).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: 'Edit message' })).toBeFocused()

  await page.keyboard.press('Enter')
  await editor.fill('Name a warm colour')
  await page.keyboard.press('Enter')
  await expect(chat.answerText).toHaveText('Red, then.')
  await expect(chat.questions).toHaveText(['Name a warm colour2 / 2'])
  const [first, , second] = await api.stored(await chat.conversationId())
  expect([first?.parentId, second?.parentId]).toEqual([undefined, undefined])

  await chat.questions.first().getByRole('button', { name: 'Previous version' }).click()
  await expect(chat.answerText).toHaveText('Blue.')
})

test.describe('axe finds nothing', () => {
  test.use({ viewport: PLACES['on a phone'] })

  test('waiting, asked in the header, running, denied, called and edited', async ({
    api,
    chat,
    page,
    upstream,
  }) => {
    await api.permit('wait', 'ask')
    const calls = [1, 60].map((seconds) => ({ name: 'wait', args: { seconds } }))
    upstream.next({ text: 'Wait.', calls }).finish()
    upstream.next({ text: 'There.' }).finish()
    await chat.open()
    await chat.say('Wait twice')
    const cards = page.locator('[data-tool-call="wait"]')
    await expect(cards.nth(1)).toHaveAttribute('data-state', 'waiting')
    await expectAccessible(page, 'waiting')

    await page.locator('[data-approvals="2"]').click()
    await expect(page.getByRole('dialog', { name: 'What waits for your word' })).toBeVisible()
    await expectAccessible(page, 'asked in the header')
    await page.keyboard.press('Escape')

    await cards.nth(1).getByRole('button', { name: 'Allow once' }).click()
    await expect(cards.nth(1)).toHaveAttribute('data-state', 'running')
    await cards
      .nth(0)
      .getByRole('button', { name: /^Deny( D)?$/ })
      .click()
    await expect(cards.nth(0)).toHaveAttribute('data-state', 'denied')
    await expectAccessible(page, 'running and denied')
    await cards.nth(1).getByRole('button', { name: 'Cancel Wait' }).click()
    await expect(cards.nth(1)).toHaveAttribute('data-state', 'cancelled')
    await chat.expectEnding('complete')

    await chat.composer.fill('/')
    await expect(page.getByRole('listbox', { name: 'Tools' })).toBeVisible()
    await expectAccessible(page, 'the list of tools')
    await chat.composer.fill('/calculate')
    await page.keyboard.press('Enter')
    await expect(page.getByRole('textbox', { name: /^Expression/ })).toBeFocused()
    await page.keyboard.press('Enter')
    await expectAccessible(page, 'a form with a fault')
    await page.keyboard.type('6*7')
    await page.keyboard.press('Enter')
    await expect(page.locator('[data-tool-call="calculate"]')).toHaveAttribute('data-state', 'done')
    await chat.questions.first().getByRole('button', { name: 'Edit message' }).click()
    await expectAccessible(page, 'called and edited')
  })
})
