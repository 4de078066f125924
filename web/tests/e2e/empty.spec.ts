import { expect, test } from './support/fixtures'
import { pulledModel } from './support/server'

test('an empty chat greets, and a suggestion is one click away', async ({
  chat,
  page,
  upstream,
}) => {
  await chat.open()
  await expect(page.getByRole('heading', { level: 2 })).toHaveText('What would you like to know?')
  await expect(chat.history).toContainText('Your conversations will be listed here.')
  await expect(page).toHaveTitle('Weir')
  await expect(chat.sendButton).toBeDisabled()
  upstream.next({ text: 'Tea is brewed.' }).finish()
  await page.getByRole('button', { name: /^Compare two things/ }).click()
  await expect(chat.answerText).toHaveText('Tea is brewed.')
  expect(upstream.questions).toEqual(['Compare tea and coffee in a small table.'])
})

test('the root of the site leads to the chat', async ({ chat, page }) => {
  await page.goto('/')
  await expect(chat.composer).toBeVisible()
})

test('the model that answers is named, and can be chosen', async ({ chat, page }) => {
  await chat.open()
  await page.getByRole('button', { name: 'Model: scripted' }).click()
  await expect(page.getByRole('menuitemradio', { name: /scripted/ })).toBeChecked()
})

test('what is being written is kept through a reload', async ({ chat, page }) => {
  await chat.open()
  await chat.composer.fill('Half a thought')
  await page.reload()
  await expect(chat.composer).toHaveValue('Half a thought')
})

test.describe('without any model', () => {
  test.use({ hasUpstream: false })

  test('the page says what to do, and takes no message', async ({ chat, page }) => {
    await chat.open()
    await expect(page.getByRole('heading', { level: 2 })).toHaveText('This server has no model yet')
    await expect(page.getByText('weir model pull', { exact: true })).toBeVisible()
    await expect(chat.composer).toBeDisabled()
    await page.getByRole('button', { name: 'Copy these lines' }).first().click()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('weir model pull')
    await page.getByRole('button', { name: 'Look again' }).click()
    await expect(page.getByRole('button', { name: 'Look again' })).toBeEnabled()
  })
})

test.describe('with the embedded model only', () => {
  test.use({ hasUpstream: false, settings: { WEIR_LOCAL_MODEL: pulledModel() ?? '' } })
  test.skip(pulledModel() === undefined, 'SKIPPED: `weir model pull` has not been run.')

  test('the page says that it is a small demonstration, and how to plug in a larger model', async ({
    chat,
    page,
  }) => {
    await chat.open()
    await expect(page.getByText(/small demonstration model inside this server/)).toBeVisible()
    await page.getByRole('button', { name: 'Plug in a larger model' }).click()
    const ways = page.getByRole('dialog', { name: 'Use a larger model' })
    await expect(ways).toContainText('OPENAI_BASE_URL')
    await expect(ways).toContainText('WEIR_LOCAL_MODEL')
    await page.keyboard.press('Escape')
    await expect(page.getByRole('button', { name: 'Plug in a larger model' })).toBeFocused()
  })
})
