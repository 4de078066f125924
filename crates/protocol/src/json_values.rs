//! How many values a JSON text may hold, wherever it comes from.

/// Values that the JSON of one body, of one frame or of one call's arguments may hold. A value of two bytes takes up to 700 bytes
/// once it is parsed, so a bound of the text alone would let two megabytes of it take more than a hundred.
pub const MAX_JSON_VALUES: usize = 50_000;

/// Whether a JSON text holds more values than are parsed. Counts separators outside of strings, so that also a text that is
/// no JSON is judged.
pub fn has_too_many_values(text: &[u8]) -> bool {
    // Each value but the first has a separator.
    if text.len() < MAX_JSON_VALUES {
        return false;
    }
    let (mut values, mut in_string, mut escaped) = (1, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => values += 1,
            _ => {}
        }
    }
    values > MAX_JSON_VALUES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edge_28_no_key_is_special() {
        for key in ["$serde_json::private::RawValue", "$serde_json::private::Number"] {
            let text = format!(r#"{{"{key}":"[1]"}}"#);
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value[key], "[1]", "a feature of serde_json is enabled that must not be; see Cargo.toml");
        }
    }

    #[test]
    fn edge_5_values_are_counted_outside_of_strings() {
        let nested = format!("[{}]", vec!["{\"a\":0}"; MAX_JSON_VALUES].join(","));
        assert!(has_too_many_values(nested.as_bytes()));
        let list = format!("[{}0]", "0,".repeat(MAX_JSON_VALUES));
        assert!(has_too_many_values(list.as_bytes()));
        let text = format!("{{\"a\":\"{}\"}}", "[{,\\\",".repeat(2 * MAX_JSON_VALUES));
        assert!(!has_too_many_values(text.as_bytes()), "one long string is one value");
        let allowed = format!("[{}0]", "0,".repeat(MAX_JSON_VALUES - 2));
        assert!(!has_too_many_values(allowed.as_bytes()));
    }
}
