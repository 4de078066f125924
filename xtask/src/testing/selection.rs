//! Which steps of the test run are wanted.

/// A part of the project that can be tested on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// Formatting, lints, tests and documentation of the Rust crates.
    Rust,
    /// Formatting, lints, types and unit tests of the web app.
    Web,
    /// Whether the generated TypeScript matches the Rust types.
    Contracts,
    /// The browser tests against the real binary.
    E2e,
}

/// Every group.
pub(crate) const ALL: [Group; 4] = [Group::Rust, Group::Web, Group::Contracts, Group::E2e];

/// The groups that a run was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selection(Vec<Group>);

impl Selection {
    /// Reads `--only rust,web`; without arguments everything is wanted. The error is a sentence for the person.
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, String> {
        let list = match arguments {
            [] => return Ok(Self(ALL.to_vec())),
            [only, list] if only == "--only" => list,
            [only] => match only.strip_prefix("--only=") {
                Some(list) => list,
                None if only == "--only" => return Err("`--only` needs a list such as rust,web".to_owned()),
                None => return Err(format!("`test` does not know `{only}`")),
            },
            [_, unknown, ..] => return Err(format!("`test` does not know `{unknown}`")),
        };
        list.split(',').map(group).collect::<Result<Vec<Group>, String>>().map(Self)
    }

    /// Whether any of these groups is wanted.
    pub(crate) fn includes(&self, groups: &[Group]) -> bool {
        groups.iter().any(|group| self.0.contains(group))
    }
}

fn group(name: &str) -> Result<Group, String> {
    match name.trim() {
        "rust" => Ok(Group::Rust),
        "web" => Ok(Group::Web),
        "contracts" => Ok(Group::Contracts),
        "e2e" => Ok(Group::E2e),
        other => Err(format!("`--only` knows rust, web, contracts and e2e, but not `{other}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Selection, String> {
        Selection::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn nothing_means_everything() {
        assert_eq!(parse(""), Ok(Selection(ALL.to_vec())));
    }

    #[test]
    fn groups_are_listed_with_commas() {
        let expected = Ok(Selection(vec![Group::Rust, Group::E2e]));
        assert_eq!(parse("--only rust,e2e"), expected);
        assert_eq!(parse("--only=rust,e2e"), expected);
        assert!(parse("--only web").unwrap().includes(&[Group::Rust, Group::Web]));
        assert!(!parse("--only web").unwrap().includes(&[Group::Rust]));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert!(parse("--only").unwrap_err().contains("needs a list"));
        assert!(parse("--only rust,wbe").unwrap_err().contains("`wbe`"));
        assert!(parse("--fast").unwrap_err().contains("`--fast`"));
        assert!(parse("--only rust web").unwrap_err().contains('`'));
    }
}
