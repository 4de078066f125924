//! The names and words of foreign tools, made fit for this server.

/// The longest name of a tool; what models and their servers take.
const LONGEST: usize = 64;
/// Bytes of a foreign text that are read for each character that is shown.
const READ_BYTES: usize = 64;

/// The name under which a server's tool is called here: `server__tool`. A server's name has no underscore, so no two servers
/// share a name. What had to be changed gets a number of its own, which stays the same.
pub(super) fn tool_name(server: &str, tool: &str) -> String {
    let sane = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let name = format!("{server}__{}", tool.chars().map(sane).collect::<String>());
    if name.len() <= LONGEST && name.ends_with(tool) {
        return name;
    }
    let mark = format!("_{:08x}", number(tool));
    let end = name.len().min(LONGEST - mark.len());
    format!("{}{mark}", &name[..end])
}

/// FNV-1a: the same on every machine and in every version.
fn number(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Text for people and models, without what neither sees, and no longer than so many characters.
pub(super) fn readable(text: &str, most: usize) -> String {
    // Control characters, and letters that are not shown: marks of direction, tags, and the like hide words from people.
    let hidden = |letter: char| {
        (letter.is_control() && letter != '\n' && letter != '\t')
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
            || matches!(letter, '\u{e0000}'..='\u{e007f}')
    };
    // A foreign text may be megabytes of what is not shown.
    let text = &text[..text.floor_char_boundary(most.saturating_mul(READ_BYTES))];
    let mut letters = text.trim().chars().filter(|letter| !hidden(*letter));
    let mut cut: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_that_fits_is_kept() {
        assert_eq!(tool_name("time", "get_current_time"), "time__get_current_time");
        assert_eq!(tool_name("a-b", "x__y"), "a-b__x__y");
    }

    #[test]
    fn names_that_would_become_one_stay_two() {
        let names = ["a.b", "a/b", "a_b", "ä", "ö", ""].map(|tool| tool_name("s", tool));
        for (place, name) in names.iter().enumerate() {
            assert!(!names[..place].contains(name), "{names:?}");
        }
        let (one, other) = ("x".repeat(100) + "1", "x".repeat(100) + "2");
        assert_ne!(tool_name("s", &one), tool_name("s", &other));
        assert_eq!(tool_name("s", "a.b"), "s__a_b_108bf50c", "it stays what it is: permissions hang on it");
    }

    proptest! {
        #[test]
        fn every_name_can_be_called(server in "[a-z0-9][a-z0-9-]{0,31}", tool in ".{0,100}") {
            let name = tool_name(&server, &tool);
            let prefix = format!("{server}__");
            prop_assert!(name.len() <= LONGEST && name.starts_with(&prefix));
            prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)), "{}", name);
        }
    }

    #[test]
    fn what_people_cannot_see_is_left_out() {
        assert_eq!(readable(" Reads\u{202e} a\u{e0041} file\u{7}.\n", 100), "Reads a file.");
        assert_eq!(readable(&"wörd ".repeat(10), 7), "wörd wö…");
    }
}
