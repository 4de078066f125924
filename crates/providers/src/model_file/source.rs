//! Which model file is used, and what it is called.

use std::{
    env,
    path::{Path, PathBuf},
};

use super::DEMO_MODEL;

/// Where the embedded model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// There is none (`WEIR_LOCAL_MODEL=off`).
    Off,
    /// A GGUF file of the user's.
    File(PathBuf),
    /// The file that [`pull`](super::pull()) puts into this directory; it may come later.
    Pulled {
        /// The directory of models, usually [`user_directory`].
        directory: PathBuf,
    },
}

impl ModelSource {
    /// Reads the value of `WEIR_LOCAL_MODEL`: a path, `off`, or nothing for the pulled file.
    pub fn from_setting(setting: Option<&str>) -> Self {
        match setting.map(str::trim) {
            Some("off") => Self::Off,
            Some(path) if !path.is_empty() => Self::File(path.into()),
            _ => user_directory().map_or(Self::Off, |directory| Self::Pulled { directory }),
        }
    }

    /// The file to load, whether or not it is there yet; `None` when there is to be none.
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Off => None,
            Self::File(path) => Some(path.clone()),
            Self::Pulled { directory } => Some(directory.join(DEMO_MODEL.file_name)),
        }
    }
}

/// The user's directory of models: `$XDG_CACHE_HOME/weir/models`, or `~/.cache/weir/models`. A relative
/// `XDG_CACHE_HOME` is ignored (XDG Base Directory Specification 0.8).
pub fn user_directory() -> Option<PathBuf> {
    let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = xdg.or_else(|| env::home_dir().filter(|home| home.is_absolute()).map(|home| home.join(".cache")))?;
    Some(cache.join("weir").join("models"))
}

/// Whether the file is the demonstration model, by its name.
pub fn is_demo_model(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == DEMO_MODEL.file_name)
}

/// The model's own id, made of the file's name: lower case, without the extension and the quantisation.
pub fn model_id(path: &Path) -> String {
    let mut id = String::new();
    for part in words(path) {
        if !id.is_empty() {
            id.push('-');
        }
        id.push_str(&part.to_lowercase());
    }
    if id.is_empty() { "model".to_owned() } else { id }
}

/// What a person reads: the words of the file's name, without the extension and the quantisation.
pub fn model_name(path: &Path) -> String {
    let name = words(path).join(" ");
    if name.is_empty() { "Local model".to_owned() } else { name }
}

/// The words of the file's name that say which model it is.
fn words(path: &Path) -> Vec<String> {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut words: Vec<String> = split_words(&stem);
    while words.len() > 1 && words.last().is_some_and(|word| is_quantisation(word)) {
        words.pop();
    }
    words
}

/// Splits at everything but letters, digits, `_`, and a dot between digits (`Qwen2.5`).
fn split_words(stem: &str) -> Vec<String> {
    let characters: Vec<char> = stem.chars().collect();
    let mut words = vec![String::new()];
    for (index, &character) in characters.iter().enumerate() {
        let digit_at = |index: Option<usize>| index.and_then(|i| characters.get(i)).is_some_and(char::is_ascii_digit);
        let inside_number = character == '.' && digit_at(index.checked_sub(1)) && digit_at(Some(index + 1));
        if character.is_alphanumeric() || character == '_' || inside_number {
            if let Some(word) = words.last_mut() {
                word.push(character);
            }
        } else {
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a word names a quantisation: `Q4_1`, `IQ3_XS`, `f16`, `bf16` …
fn is_quantisation(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    if matches!(word.as_str(), "f16" | "bf16" | "f32" | "fp16") {
        return true;
    }
    let digits = word.strip_prefix("iq").or_else(|| word.strip_prefix('q'));
    digits.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstration_model_has_a_plain_id() {
        let path = Path::new("/models").join(DEMO_MODEL.file_name);
        assert_eq!(model_id(&path), "smollm2-135m-instruct");
        assert_eq!(model_name(&path), "SmolLM2 135M Instruct");
        assert!(is_demo_model(&path));
    }

    #[test]
    fn ids_of_other_files_lose_only_extension_and_quantisation() {
        assert_eq!(model_id(Path::new("Qwen2.5-0.5B-Instruct-Q4_K_M.gguf")), "qwen2.5-0.5b-instruct");
        assert_eq!(model_id(Path::new("my model (v2).f16.gguf")), "my-model-v2");
        assert_eq!(model_id(Path::new("q8_0.gguf")), "q8_0");
        assert_eq!(model_id(Path::new("---.gguf")), "model");
        assert_eq!(model_name(Path::new("Qwen3-4B-IQ3_XS.gguf")), "Qwen3 4B");
        assert!(!is_demo_model(Path::new("Qwen3-4B.gguf")));
    }

    #[test]
    fn the_setting_is_a_path_or_off() {
        assert_eq!(ModelSource::from_setting(Some("off")), ModelSource::Off);
        assert_eq!(ModelSource::from_setting(Some(" /m/x.gguf ")), ModelSource::File("/m/x.gguf".into()));
        assert_eq!(ModelSource::Off.path(), None);
        let pulled = ModelSource::Pulled { directory: "/m".into() };
        assert_eq!(pulled.path(), Some(Path::new("/m").join(DEMO_MODEL.file_name)));
    }
}
