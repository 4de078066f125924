//! What a conversation is called before a person names it.

/// The longest title that is made here, in characters.
const LONGEST: usize = 60;

/// More of a prompt is not looked at, in bytes.
const READ_BYTES: usize = 4096;

/// The first words of a prompt, cut between words where that is possible.
pub fn title_of(prompt: &str) -> String {
    let prompt = &prompt[..prompt.floor_char_boundary(READ_BYTES)];
    let line = prompt.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= LONGEST {
        return words;
    }
    let cut: String = words.chars().take(LONGEST).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole);
    let kept = if whole.chars().count() > LONGEST / 2 { whole } else { &cut };
    format!("{}…", kept.trim_end_matches([' ', ',', '.', ';', ':']))
}

#[cfg(test)]
mod tests {
    use super::title_of;

    #[test]
    fn a_short_prompt_is_its_own_title() {
        assert_eq!(title_of("\n  What is   a weir? \nTell me."), "What is a weir?");
    }

    #[test]
    fn a_long_prompt_is_cut_between_words() {
        let title = title_of(&"word ".repeat(40));
        assert!(title.ends_with("word…"), "{title}");
        assert!(title.chars().count() <= 61);
    }

    #[test]
    fn a_prompt_without_spaces_is_cut_between_characters() {
        assert_eq!(title_of(&"ü".repeat(100)).chars().count(), 61);
    }
}
