import { vi } from 'vitest'

const VIEW = { width: 800, height: 100_000 }
const ROW = { width: 800, height: 100 }

/** Gives jsdom a layout: one view that holds everything, and rows of 100 px, so that a virtual list mounts its rows. */
export function stubLayout(): void {
  vi.spyOn(HTMLElement.prototype, 'offsetParent', 'get').mockReturnValue(document.body)
  Element.prototype.scrollIntoView = () => undefined
  vi.stubGlobal(
    'ResizeObserver',
    class implements ResizeObserver {
      private readonly callback: ResizeObserverCallback
      private observed = true

      constructor(callback: ResizeObserverCallback) {
        this.callback = callback
      }

      observe(target: Element) {
        const { width, height } = target.getAttribute('role') === 'log' ? VIEW : ROW
        const entry = { target, contentRect: new DOMRect(0, 0, width, height) }
        queueMicrotask(() => {
          if (this.observed) this.callback([entry as unknown as ResizeObserverEntry], this)
        })
      }

      unobserve() {
        // Every observation is answered once.
      }

      disconnect() {
        this.observed = false
      }
    },
  )
  vi.stubGlobal(
    'DOMRect',
    class {
      constructor(
        readonly x: number,
        readonly y: number,
        readonly width: number,
        readonly height: number,
      ) {}
    },
  )
  vi.stubGlobal('matchMedia', () => ({
    matches: false,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }))
}
