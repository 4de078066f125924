import { expect, type Locator, type Page } from '@playwright/test'

/** The chat as a person sees it. */
export class ChatPage {
  readonly page: Page
  readonly composer: Locator
  readonly sendButton: Locator
  readonly stopButton: Locator
  /** The list of messages, which scrolls. */
  readonly list: Locator
  readonly answers: Locator
  readonly questions: Locator
  /** The history beside the conversation. */
  readonly history: Locator
  /** The conversations that the history lists. */
  readonly conversations: Locator
  readonly jumpButton: Locator
  /** What the page says has gone wrong. */
  readonly alert: Locator

  constructor(page: Page) {
    this.page = page
    this.composer = page.getByRole('textbox', { name: 'Message', exact: true })
    this.sendButton = page.getByRole('button', { name: 'Send', exact: true })
    this.stopButton = page.getByRole('button', { name: 'Stop', exact: true })
    this.list = page.getByRole('log', { name: 'Messages' })
    this.answers = page.getByRole('article', { name: 'Answer', exact: true })
    this.questions = page.getByRole('article', { name: 'Your message', exact: true })
    this.history = page.getByRole('navigation', { name: 'Conversations' })
    this.conversations = this.history.getByRole('listitem').getByRole('link')
    this.jumpButton = page.getByRole('button', { name: 'Jump to latest' })
    this.alert = page.getByRole('main').getByRole('alert')
  }

  /** Opens the page of a conversation, or an empty one. */
  async open(conversationId?: string): Promise<void> {
    await this.page.goto(conversationId === undefined ? '/chat' : `/chat?c=${conversationId}`)
    await expect(this.composer).toBeVisible()
  }

  /** Waits until news come to this page by themselves. */
  async expectNews(): Promise<void> {
    // It begins when somebody touches the page, or after a while.
    await this.page.mouse.move(200, 300)
    await expect(this.page.locator('[data-news]')).toHaveAttribute('data-news', 'live')
  }

  /** Writes a message and sends it by Enter. */
  async say(text: string): Promise<void> {
    await this.composer.fill(text)
    await this.composer.press('Enter')
  }

  /** The id of the conversation that the address names. */
  async conversationId(): Promise<string> {
    await this.page.waitForURL(/[?&]c=/)
    return new URL(this.page.url()).searchParams.get('c') ?? ''
  }

  /** The written text of the newest answer, without its actions. */
  get answerText(): Locator {
    return this.answers.last().locator('.markdown')
  }

  /** Waits until the newest answer has ended so. */
  async expectEnding(status: 'complete' | 'cancelled' | 'interrupted' | 'error'): Promise<void> {
    await expect(this.answers.last()).toHaveAttribute('data-status', status)
    await expect(this.sendButton).toBeVisible()
  }

  /** From now on notes every text that the newest answer has on the screen; the returned function tells them. */
  async watchGrowth(): Promise<() => Promise<string[]>> {
    const seen = await this.page.evaluateHandle(() => {
      const texts: string[] = []
      new MutationObserver(() => {
        const text = [...document.querySelectorAll('article .markdown')].at(-1)?.textContent
        if (text !== undefined && text !== '' && text !== texts.at(-1)) texts.push(text)
      }).observe(document.body, { subtree: true, childList: true, characterData: true })
      return texts
    })
    return () => seen.jsonValue()
  }

  /** The link of a conversation in the history. */
  conversation(title: string): Locator {
    return this.history.getByRole('link', { name: title })
  }

  /** Opens the menu of a conversation in the history, and chooses in it. */
  async act(title: string, action: 'Rename' | 'Pin' | 'Unpin' | 'Delete'): Promise<void> {
    await this.conversation(title).hover()
    await this.history.getByRole('button', { name: `Actions for ${title}` }).click()
    await this.page.getByRole('menuitem', { name: action, exact: true }).click()
  }

  /** How far the list is from its end, in pixels. */
  async distanceToEnd(): Promise<number> {
    return this.list.evaluate((list) => list.scrollHeight - list.scrollTop - list.clientHeight)
  }
}

/** One paragraph of words that are all different, so that anything lost or doubled shows. */
export function prose(words: number): string {
  return `${Array.from({ length: words }, (_, index) => `word${index + 1}`).join(' ')}.`
}

/** Several paragraphs, for an answer that is higher than the page. */
export function paragraphs(count: number, words = 60): string {
  return Array.from({ length: count }, (_, index) => `Part ${index + 1}: ${prose(words)}`).join(
    '\n\n',
  )
}
