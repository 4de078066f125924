import { type BrowserContext, expect, type Page } from '@playwright/test'

/** What the browser writes on its console when the network or the server is away. */
export const NETWORK_LOSS =
  /net::ERR_(CONNECTION_(REFUSED|RESET|CLOSED)|INCOMPLETE_CHUNKED_ENCODING|INTERNET_DISCONNECTED|EMPTY_RESPONSE|NETWORK_CHANGED|SOCKET_NOT_CONNECTED|FAILED)|WebSocket connection to '\S+' failed/

/** Errors on the console, uncaught errors and violations of the content security policy, in all tabs of a test. */
export class Problems {
  readonly #seen: string[] = []
  readonly #expected: RegExp[] = []

  private constructor() {
    // Made by `watch`, which must be awaited.
  }

  static async watch(context: BrowserContext): Promise<Problems> {
    const problems = new Problems()
    const add = (problem: string) => problems.#seen.push(problem)
    await context.exposeBinding('weirReportViolation', (_, violation: string) => {
      add(`content security policy: ${violation}`)
    })
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        const { weirReportViolation } = window as unknown as {
          weirReportViolation: (violation: string) => void
        }
        weirReportViolation(`${event.effectiveDirective} refuses ${event.blockedURI}`)
      })
    })
    const watchPage = (page: Page) => {
      page.on('pageerror', (error) => add(`uncaught: ${error.stack ?? error.message}`))
      page.on('console', (message) => {
        if (message.type() !== 'error' && message.type() !== 'warning') return
        add(`console.${message.type()}: ${message.text()} (${message.location().url})`)
      })
    }
    context.on('page', watchPage)
    context.pages().forEach(watchPage)
    return problems
  }

  /** Says that a test provokes complaints of this kind. */
  expect(...patterns: RegExp[]): void {
    this.#expected.push(...patterns)
  }

  /** Fails if there was a complaint that nobody expected. */
  check(): void {
    const unexpected = this.#seen.filter(
      (problem) => !this.#expected.some((pattern) => pattern.test(problem)),
    )
    expect(unexpected, 'the browser complained').toEqual([])
  }
}
