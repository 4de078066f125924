//! The list of rules and the tests keep step.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `RUN-3` for each line of `docs/rules.md` such as `- **RUN-3** …`.
fn claimed() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/rules.md")).unwrap();
    let ids: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("- **")?.split_once("** ")).collect();
    let distinct: BTreeSet<_> = ids.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(distinct.len(), ids.len(), "docs/rules.md uses a number twice");
    distinct
}

/// `run_3_` as `RUN-3` for each test function of the Rust crates, and each test of the web app, that begins so.
fn carried() -> BTreeSet<String> {
    let mut folders = vec![root().join("crates"), root().join("web/tests")];
    let mut ids = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(entry).unwrap();
                ids.extend(text.lines().filter_map(id_of_test));
            } else if entry.extension().is_some_and(|extension| extension == "ts" || extension == "tsx") {
                let text = fs::read_to_string(entry).unwrap();
                ids.extend(text.split('\'').filter_map(id_of_name));
            }
        }
    }
    ids
}

fn id_of_test(line: &str) -> Option<String> {
    id_of_name(line.trim_start().split_once("fn ")?.1)
}

fn id_of_name(name: &str) -> Option<String> {
    let mut words = name.split('_');
    let (area, number) = (words.next()?, words.next()?);
    let is_id = (2..=5).contains(&area.len())
        && area.bytes().all(|byte| byte.is_ascii_lowercase())
        && number.parse::<u32>().is_ok()
        && words.next().is_some();
    is_id.then(|| format!("{}-{number}", area.to_uppercase()))
}

#[test]
fn every_rule_is_carried_by_a_test() {
    let missing: Vec<_> = claimed().difference(&carried()).cloned().collect();
    assert!(missing.is_empty(), "rules without a test: {missing:?}");
}

#[test]
fn every_number_that_a_test_carries_is_a_rule() {
    let unknown: Vec<_> = carried().difference(&claimed()).cloned().collect();
    assert!(unknown.is_empty(), "tests of no rule in docs/rules.md: {unknown:?}");
}
