//! What a schema may cost: bounds at listing, and a count of the steps that a value would take.
//!
//! `docs/decisions/schemas.md` derives the numbers and lists the measurements.

use serde_json::Value;

use super::graph::{Graph, NodeId, count};

/// The largest schema, as bytes of JSON.
pub(super) const MAX_BYTES: usize = 64 * 1024;
/// Subschemas of one schema.
pub(super) const MAX_SUBSCHEMAS: usize = 4096;
/// Regular expressions of one schema.
pub(super) const MAX_PATTERNS: usize = 64;
/// The size of one compiled regular expression, and of all of one schema, in bytes.
const MAX_PATTERN_BYTES: usize = 1024 * 1024;
const MAX_PATTERNS_BYTES: usize = 4 * 1024 * 1024;
/// Subschemas that are evaluated inside one another, references included. A thread with [`STACK_BYTES`] compiles them.
pub(super) const MAX_DEPTH: u64 = 512;
/// The stack of the thread that compiles.
pub(super) const STACK_BYTES: usize = 64 * 1024 * 1024;
/// Ways in which the parts of a schema can be reached along one path into a value.
pub(super) const MAX_PATHS: u64 = 10_000;

/// Steps of a check on an async worker. A step is at most 50 ns, so a check is at most 1 ms.
pub(super) const INLINE_STEPS: u64 = 20_000;
/// Nested evaluations on an async worker, whose stack is 2 MiB.
const MAX_INLINE_DEPTH: u32 = 64;
/// Steps of a division by long arithmetic.
pub(super) const STEPS_OF_A_DIVISION: u64 = 200;

/// Steps for each byte that is matched with a pattern of so many states. A large automaton does not fit its cache, and each byte then
/// costs it up to 120 ns a state; one of up to a thousand states costs less than a tenth of that.
pub(super) const fn steps_of_a_match(states: u64) -> u64 {
    if states <= 1_000 { 8 + states / 4 } else { states.saturating_mul(3) }
}

impl Graph {
    /// Whether a schema can be offered.
    ///
    /// # Errors
    /// A clause that continues "the schema …".
    pub(super) fn check(&self) -> Result<(), String> {
        let components = self.components();
        let mut walk = Walk {
            graph: self,
            components: &components,
            paths: vec![None; self.nodes.len()],
            open: vec![false; self.nodes.len()],
        };
        for id in 0..self.nodes.len() {
            if walk.paths(id)?.0 > MAX_PATHS {
                return Err(format!("can be evaluated in more than {MAX_PATHS} ways"));
            }
        }
        if self.depth(&components) > MAX_DEPTH {
            return Err(format!("nests more than {MAX_DEPTH} levels deep"));
        }
        Ok(())
    }

    /// The size that each compiled pattern may have, in bytes.
    pub(super) fn pattern_bytes(&self) -> usize {
        MAX_PATTERN_BYTES.min(MAX_PATTERNS_BYTES / self.patterns.max(1))
    }

    /// The steps that checking a value takes at most; none: more than `budget`, or no bound is known. The count itself takes no
    /// more than `budget` steps.
    pub(super) fn steps(&self, value: &Value, budget: u64) -> Option<u64> {
        let mut counter = Counter { graph: self, left: budget };
        counter.visit(0, Subject::Value(value), 0)?;
        Some(budget - counter.left)
    }

    /// The strongly connected component of each node; an edge leads to the same component or to one with a smaller number
    /// (Tarjan 1972).
    fn components(&self) -> Vec<usize> {
        let mut search = Search {
            graph: self,
            seen: vec![0; self.nodes.len()],
            low: vec![0; self.nodes.len()],
            component: vec![usize::MAX; self.nodes.len()],
            stack: Vec::new(),
            next: 1,
            components: 0,
        };
        for id in 0..self.nodes.len() {
            if search.seen[id] == 0 {
                search.visit(id);
            }
        }
        search.component
    }

    /// The longest way through the graph: each component counts with all its nodes.
    fn depth(&self, components: &[usize]) -> u64 {
        let number = components.iter().max().map_or(0, |last| last + 1);
        let (mut members, mut depths) = (vec![Vec::new(); number], vec![0; number]);
        for (id, component) in components.iter().enumerate() {
            members[*component].push(id);
        }
        // Edges lead to smaller numbers.
        for component in 0..number {
            let below = members[component].iter().flat_map(|id| self.edges(*id)).map(|id| components[id]);
            let deepest = below.filter(|other| *other != component).map(|other| depths[other]).max().unwrap_or(0);
            depths[component] = deepest + count(members[component].len());
        }
        depths.into_iter().max().unwrap_or(0)
    }

    fn edges(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let node = &self.nodes[id];
        node.in_place.iter().copied().chain(node.below())
    }
}

struct Search<'g> {
    graph: &'g Graph,
    /// When each node was found; 0: not yet.
    seen: Vec<usize>,
    low: Vec<usize>,
    component: Vec<usize>,
    stack: Vec<NodeId>,
    next: usize,
    components: usize,
}

impl Search<'_> {
    fn visit(&mut self, id: NodeId) {
        (self.seen[id], self.low[id]) = (self.next, self.next);
        self.next += 1;
        self.stack.push(id);
        let edges: Vec<_> = self.graph.edges(id).collect();
        for other in edges {
            if self.seen[other] == 0 {
                self.visit(other);
                self.low[id] = self.low[id].min(self.low[other]);
            } else if self.component[other] == usize::MAX {
                self.low[id] = self.low[id].min(self.seen[other]);
            }
        }
        if self.low[id] == self.seen[id] {
            while let Some(member) = self.stack.pop() {
                self.component[member] = self.components;
                if member == id {
                    break;
                }
            }
            self.components += 1;
        }
    }
}

/// Counts evaluation paths.
struct Walk<'g> {
    graph: &'g Graph,
    components: &'g [usize],
    paths: Vec<Option<(u64, u64)>>,
    open: Vec<bool>,
}

impl Walk<'_> {
    /// The evaluations along one path from a value to one of its leaves, and those that `unevaluated…` above this node adds.
    ///
    /// Siblings of a value add up, so all evaluations of a value are at most its leaves times this number; a cycle through members
    /// or items adds a factor for each level of the value, which is why [`Graph::steps`] looks at the value itself.
    fn paths(&mut self, id: NodeId) -> Result<(u64, u64), String> {
        if let Some(paths) = self.paths[id] {
            return Ok(paths);
        }
        if self.open[id] {
            return Err("refers to itself without a step into the value".to_owned());
        }
        self.open[id] = true;
        let node = &self.graph.nodes[id];
        let (mut here, mut again): (u64, u64) = (1, 0);
        for branch in &node.in_place {
            let (paths, repeated) = self.paths(*branch)?;
            here = here.saturating_add(paths);
            again = again.saturating_add(paths).saturating_add(repeated);
        }
        let member = self.most(id, node.properties.values())?;
        let members = self.sum(id, node.each_member.iter().chain(&node.each_name))?;
        let item = self.most(id, node.prefix.iter())?;
        let items = self.sum(id, node.each_item.iter())?;
        here = here.saturating_add(member.saturating_add(members).max(item.saturating_add(items)));
        if node.unevaluated {
            here = here.saturating_add(again);
        }
        self.open[id] = false;
        self.paths[id] = Some((here, again));
        Ok((here, again))
    }

    fn below(&mut self, from: NodeId, to: NodeId) -> Result<u64, String> {
        // A cycle through members or items.
        if self.components[from] == self.components[to] { Ok(1) } else { Ok(self.paths(to)?.0) }
    }

    fn sum<'n>(&mut self, from: NodeId, mut to: impl Iterator<Item = &'n NodeId>) -> Result<u64, String> {
        to.try_fold(0_u64, |sum, to| Ok(sum.saturating_add(self.below(from, *to)?)))
    }

    fn most<'n>(&mut self, from: NodeId, mut to: impl Iterator<Item = &'n NodeId>) -> Result<u64, String> {
        to.try_fold(0, |most, to| Ok(self.below(from, *to)?.max(most)))
    }
}

/// What a subschema is held against.
#[derive(Clone, Copy)]
enum Subject<'v> {
    Value(&'v Value),
    /// The name of a member.
    Name(&'v str),
}

/// Counts the steps that a validator takes when nothing ends it early.
struct Counter<'g> {
    graph: &'g Graph,
    left: u64,
}

impl Counter<'_> {
    fn spend(&mut self, steps: u64) -> Option<()> {
        self.left = self.left.checked_sub(steps)?;
        Some(())
    }

    fn visit(&mut self, id: NodeId, subject: Subject<'_>, depth: u32) -> Option<()> {
        let node = &self.graph.nodes[id];
        if node.opaque || depth > MAX_INLINE_DEPTH {
            return None;
        }
        self.spend(node.fixed)?;
        for branch in &node.in_place {
            self.visit(*branch, subject, depth + 1)?;
        }
        match subject {
            Subject::Name(text) => self.text(id, text)?,
            Subject::Value(Value::String(text)) => self.text(id, text)?,
            Subject::Value(Value::Number(_)) => self.spend(node.division)?,
            Subject::Value(Value::Array(items)) => self.items(id, items, depth)?,
            Subject::Value(Value::Object(members)) if node.looks_at_members() => {
                for (name, value) in members {
                    self.spend(node.name_matching.saturating_mul(1 + count(name.len())).saturating_add(1))?;
                    for schema in &node.each_name {
                        self.visit(*schema, Subject::Name(name), depth + 1)?;
                    }
                    for schema in node.properties.get(name).into_iter().chain(&node.each_member) {
                        self.visit(*schema, Subject::Value(value), depth + 1)?;
                    }
                }
            }
            Subject::Value(_) => {}
        }
        if node.unevaluated {
            let parts = match subject {
                Subject::Value(Value::Array(items)) => items.len(),
                Subject::Value(Value::Object(members)) => members.len(),
                _ => 0,
            };
            for _ in 0..=parts {
                self.spend(1)?;
                self.again(id, subject, depth)?;
            }
        }
        Some(())
    }

    fn items(&mut self, id: NodeId, items: &[Value], depth: u32) -> Option<()> {
        let node = &self.graph.nodes[id];
        if node.unique {
            // Up to 15 items are compared with each other; more are hashed.
            self.spend(count(items.len()).saturating_mul(16))?;
            for item in items {
                self.measure(item)?;
            }
        }
        if node.prefix.is_empty() && node.each_item.is_empty() {
            return Some(());
        }
        for (place, item) in items.iter().enumerate() {
            self.spend(1)?;
            for schema in node.prefix.get(place).into_iter().chain(&node.each_item) {
                self.visit(*schema, Subject::Value(item), depth + 1)?;
            }
        }
        Some(())
    }

    /// Comparing a value with others, or hashing it.
    fn measure(&mut self, value: &Value) -> Option<()> {
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            self.spend(16)?;
            match value {
                Value::String(text) => self.spend(count(text.len()) / 2)?,
                Value::Array(items) => open.extend(items),
                Value::Object(members) => {
                    for (name, value) in members {
                        self.spend(1 + count(name.len()) / 2)?;
                        open.push(value);
                    }
                }
                _ => {}
            }
        }
        Some(())
    }

    fn text(&mut self, id: NodeId, text: &str) -> Option<()> {
        let (node, length) = (&self.graph.nodes[id], 1 + count(text.len()));
        self.spend((node.scans * length).div_ceil(8))?;
        self.spend(node.matching.saturating_mul(length))
    }

    /// The branches once more, as `unevaluated…` looks for what they evaluate.
    fn again(&mut self, id: NodeId, subject: Subject<'_>, depth: u32) -> Option<()> {
        if depth > MAX_INLINE_DEPTH {
            return None;
        }
        for branch in &self.graph.nodes[id].in_place {
            self.visit(*branch, subject, depth + 1)?;
            self.again(*branch, subject, depth + 1)?;
        }
        Some(())
    }
}
