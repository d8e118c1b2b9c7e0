//! A person's own settings in the arguments of Claude Code, which takes only one such argument: ours are laid over them in a
//! file of the session's.
//!
//! Not for what stands in ours (`agents::hooks` says that). Invariant: the person's file is only read, and the joined one is
//! gone with the session, as all that is in its home.

use std::path::Path;

use serde_json::Value;

use crate::agents::hooks::own_settings;
use crate::agents::lay_over;
use crate::process;

/// The joined settings in a session's home.
const FILE: &str = "claude-settings.json";

/// What the person's settings in these arguments say; none if there are none. The error says why they can't be read.
///
/// # Errors
/// If the file is not there, or what is given is no JSON with names in it.
pub fn read(argv: &[String], cwd: &Path) -> Result<Option<Value>, String> {
    let Some((given, _)) = own_settings(argv) else { return Ok(None) };
    let (text, of) = match given.trim_start().starts_with('{') {
        true => (given.to_owned(), "what is given by --settings".to_owned()),
        false => {
            let path = cwd.join(given);
            let text = std::fs::read_to_string(&path);
            (
                text.map_err(|error| format!("can't read {}: {error}", path.display()))?,
                path.display().to_string(),
            )
        }
    };
    match serde_json::from_str(&text) {
        Ok(settings @ Value::Object(_)) => Ok(Some(settings)),
        Ok(_) => Err(format!("{of} holds no settings")),
        Err(error) => Err(format!("{of}: {error}")),
    }
}

/// Has the arguments lead to the person's settings with ours laid over them, in the session's home.
pub(super) fn join(argv: &mut Vec<String>, cwd: &Path, home: &Path, ours: Value) -> Result<(), String> {
    let Some(mut all) = read(argv, cwd)? else { return Ok(()) };
    let Some((_, place)) = own_settings(argv) else { return Ok(()) };
    lay_over(&mut all, ours);
    let path = home.join(FILE);
    let told = |error: std::io::Error| format!("can't write {}: {error}", path.display());
    std::fs::create_dir_all(home).map_err(told)?;
    process::write_atomic(&path, &all).map_err(told)?;
    argv.splice(place, [format!("--settings={}", path.display())]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn argv(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn theirs_stay_as_they_are_and_ours_are_laid_over_them() {
        let dir = tempfile::tempdir().unwrap();
        let (file, home) = (dir.path().join("s.json"), dir.path().join("home"));
        let text = r#"{"model": "opus", "hooks": {"Stop": [1]}}"#;
        std::fs::write(&file, text).unwrap();
        let ours = json!({"hooks": {"Stop": [2], "SessionEnd": [3]}});
        let joined = json!({"model": "opus", "hooks": {"Stop": [1, 2], "SessionEnd": [3]}});
        for given in [
            vec!["claude", "--settings", "s.json", "--verbose"],
            vec!["claude", &format!("--settings={text}"), "--verbose"],
        ] {
            let mut words = argv(&given);
            join(&mut words, dir.path(), &home, ours.clone()).unwrap();
            let path = words[1].strip_prefix("--settings=").unwrap();
            assert_eq!((words[0].as_str(), words[2].as_str(), words.len()), ("claude", "--verbose", 3));
            assert_eq!(
                serde_json::from_str::<Value>(&std::fs::read_to_string(path).unwrap()).unwrap(),
                joined
            );
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }

    #[test]
    fn settings_that_cannot_be_read_stay_in_their_place_and_are_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("list.json"), "[]").unwrap();
        for (given, told) in
            [("none.json", "none.json"), ("list.json", "no settings"), ("{\"a\": }", "--settings")]
        {
            let mut words = argv(&["claude", "--settings", given]);
            let problem = join(&mut words, dir.path(), dir.path(), json!({})).unwrap_err();
            assert!(problem.contains(told), "{problem}");
            assert_eq!(words, argv(&["claude", "--settings", given]));
        }
        assert_eq!(read(&argv(&["claude"]), dir.path()), Ok(None));
    }
}
