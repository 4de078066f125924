//! The subschemas of a JSON Schema as a graph: what is evaluated at the same value, and what at its members and items.
//!
//! The graph serves only to count work. It reads every keyword of every draft, so it holds at least the edges that a validator
//! follows.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::limits::{MAX_PATTERNS, MAX_SUBSCHEMAS, STEPS_OF_A_DIVISION, steps_of_a_match};

/// The index of a subschema in its graph.
pub(super) type NodeId = usize;

/// What one subschema costs and where its evaluation continues.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Steps of the keywords that look at the value alone: their number, and the size of `enum`, `const` and `required`.
    pub(super) fixed: u64,
    /// Keywords that read a string to its end.
    pub(super) scans: u64,
    /// Steps for each byte of a string that is matched with patterns.
    pub(super) matching: u64,
    /// Steps for each byte of a member's name that is matched with patterns.
    pub(super) name_matching: u64,
    /// Steps of `multipleOf` at a number.
    pub(super) division: u64,
    /// `uniqueItems`.
    pub(super) unique: bool,
    /// `unevaluatedProperties` or `unevaluatedItems` evaluates the branches again.
    pub(super) unevaluated: bool,
    /// Work without a known bound: `format: regex`, or a reference to a schema of the standard.
    pub(super) opaque: bool,
    /// Evaluated at the same value.
    pub(super) in_place: Vec<NodeId>,
    /// Evaluated at the member of this name.
    pub(super) properties: BTreeMap<String, NodeId>,
    /// Evaluated at any member.
    pub(super) each_member: Vec<NodeId>,
    /// Evaluated at the names of members.
    pub(super) each_name: Vec<NodeId>,
    /// Evaluated at the item of this index.
    pub(super) prefix: Vec<NodeId>,
    /// Evaluated at any item.
    pub(super) each_item: Vec<NodeId>,
}

impl Node {
    /// Whether the members of an object are looked at one by one.
    pub(super) fn looks_at_members(&self) -> bool {
        !(self.properties.is_empty() && self.each_member.is_empty() && self.each_name.is_empty())
    }

    /// Everything that is evaluated below this node's value.
    pub(super) fn below(&self) -> impl Iterator<Item = NodeId> {
        let lists = [&self.each_member, &self.each_name, &self.prefix, &self.each_item];
        self.properties.values().copied().chain(lists.into_iter().flatten().copied())
    }
}

/// Every subschema that the root reaches. The root is node 0.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// How many patterns there are.
    pub(super) patterns: usize,
}

impl Graph {
    /// Reads a schema.
    ///
    /// # Errors
    /// A clause that continues "the schema …": too many subschemas or patterns, or a reference to elsewhere.
    pub(super) fn of(schema: &Value) -> Result<Self, String> {
        let mut builder = Builder {
            names: Names::of(schema),
            nodes: Vec::new(),
            known: HashMap::new(),
            open: Vec::new(),
            patterns: 0,
        };
        builder.node(schema);
        while let Some((id, schema)) = builder.open.pop() {
            if builder.nodes.len() > MAX_SUBSCHEMAS {
                return Err(format!("has more than {MAX_SUBSCHEMAS} subschemas"));
            }
            let node = builder.read(schema)?;
            if builder.patterns > MAX_PATTERNS {
                return Err(format!("has more than {MAX_PATTERNS} patterns"));
            }
            builder.nodes[id] = node;
        }
        Ok(Self { nodes: builder.nodes, patterns: builder.patterns })
    }
}

struct Builder<'s> {
    names: Names<'s>,
    nodes: Vec<Node>,
    /// Nodes by the address of their schema.
    known: HashMap<*const Value, NodeId>,
    open: Vec<(NodeId, &'s Value)>,
    patterns: usize,
}

impl<'s> Builder<'s> {
    fn node(&mut self, schema: &'s Value) -> NodeId {
        let next = self.nodes.len();
        let id = *self.known.entry(std::ptr::from_ref(schema)).or_insert(next);
        if id == next {
            self.nodes.push(Node::default());
            self.open.push((id, schema));
        }
        id
    }

    fn list(&mut self, schemas: &'s Value) -> Vec<NodeId> {
        schemas.as_array().into_iter().flatten().map(|schema| self.node(schema)).collect()
    }

    fn map(&mut self, schemas: &'s Value) -> Vec<NodeId> {
        let schemas = schemas.as_object().into_iter().flat_map(Map::values);
        // The values of `dependencies` are schemas or lists of names.
        schemas.filter(|schema| !schema.is_array()).map(|schema| self.node(schema)).collect()
    }

    /// Steps for each byte that is matched with a pattern.
    fn pattern(&mut self, pattern: &str) -> u64 {
        self.patterns += 1;
        steps_of_a_match(states(pattern))
    }

    fn read(&mut self, schema: &'s Value) -> Result<Node, String> {
        let mut node = Node { fixed: 1, ..Node::default() };
        let Some(keywords) = schema.as_object() else { return Ok(node) };
        for (keyword, value) in keywords {
            node.fixed += 1;
            match keyword.as_str() {
                "$ref" | "$dynamicRef" | "$recursiveRef" => {
                    let reference = value.as_str().unwrap_or_default();
                    let targets = self.names.resolve(reference, keyword == "$ref")?;
                    node.opaque |= targets.is_standard;
                    let targets: Vec<_> = targets.found.into_iter().map(|target| self.node(target)).collect();
                    node.in_place.extend(targets);
                }
                "allOf" | "anyOf" | "oneOf" => node.in_place.extend(self.list(value)),
                "not" | "if" | "then" | "else" => node.in_place.push(self.node(value)),
                "dependentSchemas" | "dependencies" => node.in_place.extend(self.map(value)),
                "properties" => {
                    let members = value.as_object().into_iter().flatten();
                    node.properties = members.map(|(name, schema)| (name.clone(), self.node(schema))).collect();
                    node.fixed += count(node.properties.len());
                }
                "patternProperties" => {
                    let patterns = value.as_object().into_iter().flat_map(Map::keys);
                    node.name_matching += patterns.map(|pattern| self.pattern(pattern)).sum::<u64>();
                    node.each_member.extend(self.map(value));
                }
                "additionalProperties" => node.each_member.push(self.node(value)),
                "unevaluatedProperties" => {
                    node.unevaluated = true;
                    node.each_member.push(self.node(value));
                }
                "propertyNames" => node.each_name.push(self.node(value)),
                "prefixItems" => node.prefix.extend(self.list(value)),
                "items" if value.is_array() => node.prefix.extend(self.list(value)),
                "items" | "additionalItems" | "contains" => node.each_item.push(self.node(value)),
                "unevaluatedItems" => {
                    node.unevaluated = true;
                    node.each_item.push(self.node(value));
                }
                "uniqueItems" => node.unique = true,
                "multipleOf" => node.division += STEPS_OF_A_DIVISION,
                "pattern" => node.matching += self.pattern(value.as_str().unwrap_or_default()),
                "format" if value == "regex" => node.opaque = true,
                "format" | "minLength" | "maxLength" | "contentEncoding" | "contentMediaType" => node.scans += 1,
                "enum" | "const" | "required" | "dependentRequired" => node.fixed += size(value),
                _ => {}
            }
        }
        Ok(node)
    }
}

/// Where references may lead: the root, resources by `$id`, and anchors.
struct Names<'s> {
    root: &'s Value,
    resources: Vec<(&'s str, &'s Value)>,
    anchors: Vec<(&'s str, &'s Value)>,
    /// Objects with `$recursiveAnchor`.
    recursive: Vec<&'s Value>,
}

/// What a reference may mean.
#[derive(Default)]
struct Targets<'s> {
    found: Vec<&'s Value>,
    /// It names a schema of the standard, which the validator has.
    is_standard: bool,
}

impl<'s> Names<'s> {
    fn of(root: &'s Value) -> Self {
        let mut names = Self { root, resources: Vec::new(), anchors: Vec::new(), recursive: Vec::new() };
        let mut open = vec![root];
        while let Some(value) = open.pop() {
            match value {
                Value::Object(keywords) => {
                    names.note(value, keywords);
                    open.extend(keywords.values());
                }
                Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        names
    }

    fn note(&mut self, schema: &'s Value, keywords: &'s Map<String, Value>) {
        for (keyword, value) in keywords {
            match (keyword.as_str(), value) {
                ("$id" | "id", Value::String(id)) => match id.strip_prefix('#') {
                    // Before 2019-09 this was how an anchor was set.
                    Some(anchor) => self.anchors.push((anchor, schema)),
                    None => self.resources.push((id, schema)),
                },
                ("$anchor" | "$dynamicAnchor", Value::String(anchor)) => self.anchors.push((anchor, schema)),
                ("$recursiveAnchor", _) => self.recursive.push(schema),
                _ => {}
            }
        }
    }

    /// Every schema that a reference may mean. Where several have its name, all of them: the count may be too large, never too
    /// small.
    fn resolve(&self, reference: &str, is_static: bool) -> Result<Targets<'s>, String> {
        // The validator passes over an empty reference.
        if reference.is_empty() {
            return Ok(Targets::default());
        }
        let (base, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        if ["http://json-schema.org/", "https://json-schema.org/"].iter().any(|standard| base.starts_with(standard)) {
            return Ok(Targets { is_standard: true, ..Targets::default() });
        }
        let named = self.resources.iter().filter(|(id, _)| base.is_empty() || last_segment(id) == last_segment(base));
        let mut bases: Vec<_> = named.map(|(_, schema)| *schema).collect();
        if base.is_empty() && !bases.iter().any(|schema| std::ptr::eq(*schema, self.root)) {
            bases.push(self.root);
        }
        let fragment = decoded(fragment);
        let mut found: Vec<_> = if fragment.is_empty() {
            bases
        } else if fragment.starts_with('/') {
            bases.into_iter().filter_map(|base| base.pointer(&fragment)).collect()
        } else {
            self.anchors.iter().filter(|(anchor, _)| *anchor == fragment).map(|(_, schema)| *schema).collect()
        };
        if !is_static {
            found.extend(&self.recursive);
        }
        if found.is_empty() {
            let start: String = reference.chars().take(100).collect();
            return Err(format!("refers to {start:?}, which is not a part of it"));
        }
        Ok(Targets { found, is_standard: false })
    }
}

/// The part of an address that resolving it against another one keeps.
fn last_segment(address: &str) -> &str {
    let address = address.split('#').next().unwrap_or_default();
    address.rsplit(['/', ':']).next().unwrap_or(address)
}

/// A fragment without its percent-encoding (RFC 3986, section 2.1).
fn decoded(fragment: &str) -> String {
    let bytes = fragment.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| fragment.get(at + 1..at + 3)).flatten();
        if let Some(byte) = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The states of a pattern's automaton that can be active at once, or more: its characters, those in a counted repetition as often as
/// the repetition says.
fn states(pattern: &str) -> u64 {
    let mut letters = pattern.chars();
    let (mut outer, mut states, mut last) = (Vec::new(), 0_u64, 0_u64);
    while let Some(letter) = letters.next() {
        match letter {
            '(' => outer.push(std::mem::take(&mut states)),
            ')' => {
                last = states;
                states = states.saturating_add(outer.pop().unwrap_or(0));
            }
            '{' => {
                let bounds: String = letters.by_ref().take_while(|letter| *letter != '}').collect();
                let most = bounds.split(',').filter_map(|bound| bound.trim().parse::<u64>().ok()).max();
                let times = most.map_or(1, |most| most.saturating_add(1));
                states = states.saturating_add(last.saturating_mul(times));
                last = last.saturating_mul(times);
            }
            _ => {
                if letter == '\\' {
                    letters.next();
                } else if letter == '[' {
                    let mut is_escaped = false;
                    let _ = letters.by_ref().find(|letter| {
                        let ends = *letter == ']' && !is_escaped;
                        is_escaped = *letter == '\\' && !is_escaped;
                        ends
                    });
                }
                states = states.saturating_add(1);
                last = 1;
            }
        }
    }
    outer.into_iter().fold(states, u64::saturating_add)
}

/// How much of a value there is to compare: its nodes, and its text by the word.
pub(super) fn size(value: &Value) -> u64 {
    let (mut size, mut open) = (0, vec![value]);
    while let Some(value) = open.pop() {
        size += 1;
        match value {
            Value::String(text) => size += count(text.len() / 32),
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                size += members.keys().map(|name| count(name.len() / 32)).sum::<u64>();
                open.extend(members.values());
            }
            _ => {}
        }
    }
    size
}

pub(super) fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
