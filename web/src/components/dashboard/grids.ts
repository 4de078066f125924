/** How the dashboard is shown: as a page of the app, or alone on a screen that is read from afar. */
export type Look = 'page' | 'wall'

/** How tiles stand together. */
export const TILE_GRID: Record<Look, string> = {
  page: 'grid grid-cols-2 gap-3 md:grid-cols-3 xl:grid-cols-5',
  wall: 'grid grid-cols-2 gap-3 md:grid-cols-5 md:gap-[1.2vmin]',
}

/** How charts stand together. */
export const PANEL_GRID: Record<Look, string> = {
  page: 'grid gap-3 md:grid-cols-2 2xl:grid-cols-3',
  wall: 'grid min-h-0 flex-1 auto-rows-fr gap-3 md:grid-cols-3 md:gap-[1.2vmin] xl:grid-cols-4',
}
