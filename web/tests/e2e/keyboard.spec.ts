import type { Page } from '@playwright/test'

import { prose } from './support/chat-page'
import { expect, test } from './support/fixtures'

test('a whole conversation needs no mouse', async ({ api, chat, page, upstream }) => {
  await api.exchange('Rivers')
  await page.goto('/chat')
  await expect(chat.composer).toBeFocused()

  const answer = upstream.next({ text: prose(30) })
  await page.keyboard.type('Written by keyboard')
  await page.keyboard.press('Enter')
  await expect(chat.composer).toBeFocused()
  await expect(chat.answerText).toHaveText(answer.send(4).trim())
  await page.keyboard.press('Escape')
  await chat.expectEnding('cancelled')

  await page.keyboard.press('Control+Shift+O')
  await expect(page).toHaveURL('/chat')
  await expect(chat.composer).toBeFocused()

  await page.keyboard.press('Control+k')
  await expect(page.getByRole('combobox')).toBeFocused()
  await page.keyboard.type('Rivers')
  await expect(page.getByRole('option')).toHaveText(['Rivers'])
  await page.keyboard.press('Enter')
  await expect(chat.answerText).toHaveText('An answer about Rivers.')
  await expect(chat.composer).toBeFocused()
})

test('Tab goes through the page in the order it is read, and nothing is a trap', async ({
  api,
  chat,
  page,
}) => {
  await chat.open(await api.exchange('Rivers'))
  await expect(chat.answerText).toBeVisible()
  await toStart(page)
  const seen: string[] = []
  for (let step = 0; step < 30; step += 1) {
    await page.keyboard.press('Tab')
    const name = await focusedName(page)
    if (name === 'Skip to the message field' && seen.length > 0) break
    seen.push(name)
  }
  const order = [
    'Skip to the message field',
    'Hide the history',
    'New chat',
    'Search conversations',
    'Rivers',
    'Actions for Rivers',
    'Model: scripted',
    'Theme and more',
    'Messages',
    'Copy message',
    'Copy answer',
    'Regenerate',
    'Message',
  ]
  expect(seen.filter((name) => order.includes(name))).toEqual(order)
})

test('the skip link leads to the message field', async ({ chat, page }) => {
  await chat.open()
  await toStart(page)
  await page.keyboard.press('Tab')
  await expect(page.getByRole('link', { name: 'Skip to the message field' })).toBeFocused()
  await expect(page.getByRole('link', { name: 'Skip to the message field' })).toBeInViewport()
  await page.keyboard.press('Enter')
  await expect(chat.composer).toBeFocused()
})

test('shortcuts are listed, and the focus returns when the list is closed', async ({
  chat,
  page,
}) => {
  await chat.open()
  await expect(chat.composer).toBeFocused()
  await page.keyboard.type('?')
  await expect(chat.composer).toHaveValue('?')
  await page.getByRole('button', { name: 'Theme and more' }).focus()
  await page.keyboard.press('?')
  const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' })
  await expect(dialog).toContainText('Stop the answer')
  await expect(dialog).toBeFocused()
  await page.keyboard.press('Tab')
  await expect(dialog.getByRole('button', { name: 'Close' })).toBeFocused()
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
  await expect(page.getByRole('button', { name: 'Theme and more' })).toBeFocused()
  await page.keyboard.press('/')
  await expect(chat.composer).toBeFocused()
})

test('Ctrl+B hides the history, and a reload keeps it so', async ({ chat, page }) => {
  await chat.open()
  await expect(chat.history).toBeVisible()
  await page.keyboard.press('Control+b')
  await expect(chat.history).toBeHidden()
  await page.reload()
  await expect(chat.composer).toBeVisible()
  await expect(chat.history).toBeHidden()
  await page.getByRole('button', { name: 'Show the history' }).click()
  await expect(chat.history).toBeVisible()
})

/** Puts the focus where it is when somebody has just come to the page: the next Tab takes the first stop. */
async function toStart(page: Page): Promise<void> {
  await page.evaluate(() => {
    document.body.tabIndex = -1
    document.body.focus()
    document.body.removeAttribute('tabindex')
  })
}

/** The name of what has the focus, as a screen reader would say it. */
async function focusedName(page: Page): Promise<string> {
  return page.evaluate(() => {
    const focused = document.activeElement
    const label = focused?.getAttribute('aria-label')
    if (focused === null || label) return label ?? ''
    const copy = focused.cloneNode(true) as Element
    for (const hidden of copy.querySelectorAll('[aria-hidden=true]')) hidden.remove()
    return copy.textContent.trim()
  })
}
