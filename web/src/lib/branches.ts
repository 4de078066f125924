/** What the tree needs to know of a message. */
export interface TreeNode {
  readonly id: string
  readonly parentId?: string
  readonly createdAt: string
}

/** The child chosen under a parent. A parent that is absent, or not loaded yet, counts too: its children are siblings. */
export type Selection = Readonly<Record<string, string>>

/** The key under which the choice among messages without a parent is kept. */
export const ROOT = ''

/** Messages by their parent, each list oldest first. */
export type Children = ReadonlyMap<string, readonly TreeNode[]>

/** The key of the siblings that a message belongs to. */
export function siblingKey(node: TreeNode): string {
  return node.parentId ?? ROOT
}

/** Oldest first; ids are UUIDv7, so they order messages of the same millisecond. */
export function byAge(a: TreeNode, b: TreeNode): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1
  if (a.id === b.id) return 0
  return a.id < b.id ? -1 : 1
}

/** The children of every parent. */
export function childrenOf(nodes: readonly TreeNode[]): Children {
  const children = new Map<string, TreeNode[]>()
  for (const node of nodes) {
    const siblings = children.get(siblingKey(node))
    if (siblings) siblings.push(node)
    else children.set(siblingKey(node), [node])
  }
  for (const siblings of children.values()) siblings.sort(byAge)
  return children
}

/**
 * The ids of the branch to show, oldest first: under each message the chosen child, else the newest. It begins where
 * loading stopped, among the ancestors of the newest message. With `end` it goes no further than that message.
 */
export function shownPath(
  nodes: readonly TreeNode[],
  selection: Selection,
  end?: string,
): string[] {
  const children = childrenOf(nodes)
  const path: string[] = []
  for (let key = oldestKey(nodes); key !== undefined;) {
    const shown = chosen(children.get(key) ?? [], selection[key])
    if (!shown) break
    path.push(shown.id)
    key = shown.id === end ? undefined : shown.id
  }
  return path
}

/** The ids among which a message is one, oldest first, and where it stands. */
export function siblingsOf(
  nodes: readonly TreeNode[],
  id: string,
): { ids: readonly string[]; index: number } {
  const node = nodes.find((candidate) => candidate.id === id)
  if (!node) return { ids: [id], index: 0 }
  const ids = (childrenOf(nodes).get(siblingKey(node)) ?? []).map((sibling) => sibling.id)
  return { ids, index: ids.indexOf(id) }
}

/** The choices that put a message on the shown path, added to those made before. */
export function selectionTo(
  nodes: readonly TreeNode[],
  selection: Selection,
  id: string,
): Selection {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const choices: Record<string, string> = { ...selection }
  for (
    let node = byId.get(id);
    node;
    node = node.parentId === undefined ? undefined : byId.get(node.parentId)
  ) {
    choices[siblingKey(node)] = node.id
  }
  return choices
}

function chosen(siblings: readonly TreeNode[], id: string | undefined): TreeNode | undefined {
  return siblings.find((sibling) => sibling.id === id) ?? siblings.at(-1)
}

/** The key of the oldest loaded ancestors of the newest message. */
function oldestKey(nodes: readonly TreeNode[]): string | undefined {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  let node = nodes.reduce<TreeNode | undefined>(
    (newest, next) => (newest && byAge(newest, next) > 0 ? newest : next),
    undefined,
  )
  if (!node) return undefined
  for (let parent = byId.get(siblingKey(node)); parent; parent = byId.get(siblingKey(node)))
    node = parent
  return siblingKey(node)
}
