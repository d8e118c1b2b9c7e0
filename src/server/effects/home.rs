//! A home of its own for one process of Gemini CLI: it takes settings from nowhere else that leaves the person's home alone.
//!
//! Everything in it but the settings leads to the person's own: credentials, sessions, history. What the program replaces
//! there instead of writing to it, and settings that are changed in it, are the session's, and gone with it. Not for what
//! stands in the settings (`agents` says that). Invariant: nothing of the person's is changed or copied but the settings'
//! text, and that is taken away when the session ends.

use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::agents::lay_over;
use crate::process;

/// The variable that names the home.
const VARIABLE: &str = "GEMINI_CLI_HOME";
/// Its folder there.
const FOLDER: &str = ".gemini";
/// The home in a session's folder.
const HOME: &str = "home";
const SETTINGS: &str = "settings.json";
/// Folders that it makes on its first run, and finds its sessions in later.
const OWN: [&str; 2] = ["tmp", "history"];
/// What it looks for beside its folder.
const BESIDE: [&str; 2] = [".agents", ".env"];
/// Files that it writes itself, where a link may lead to nothing yet.
const WRITTEN: [&str; 6] = [
    "projects.json",
    "installation_id",
    "google_accounts.json",
    "oauth_creds.json",
    "state.json",
    "trustedFolders.json",
];

/// The home of a session, which is gone with it.
pub(super) fn of(session: &Path) -> PathBuf {
    session.join(HOME)
}

/// Makes the home in a session's folder; the variable that leads there.
pub(super) fn made(
    session: &Path,
    env: &[(String, String)],
    settings: Value,
) -> Result<(String, String), String> {
    let value = |name: &str| env.iter().find(|(key, _)| key == name).map(|(_, value)| PathBuf::from(value));
    let theirs = value(VARIABLE).or_else(|| value("HOME")).ok_or("there is no home")?.join(FOLDER);
    let home = session.join(HOME);
    let ours = home.join(FOLDER);
    let told = |what: &str, path: &Path, error: std::io::Error| format!("{what} {}: {error}", path.display());
    for name in OWN {
        let path = theirs.join(name);
        std::fs::create_dir_all(&path).map_err(|error| told("can't make", &path, error))?;
    }
    std::fs::create_dir_all(&ours).map_err(|error| told("can't make", &ours, error))?;
    let entries = std::fs::read_dir(&theirs).map_err(|error| told("can't read", &theirs, error))?;
    let names = entries.flatten().map(|entry| entry.file_name());
    for name in names.chain(WRITTEN.map(Into::into)).filter(|name| name != SETTINGS) {
        let link = ours.join(&name);
        match symlink(theirs.join(&name), &link) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(told("can't link", &link, error));
            }
            _ => {}
        }
    }
    for name in BESIDE {
        let (link, target) = (home.join(name), theirs.with_file_name(name));
        if target.exists() && std::fs::symlink_metadata(&link).is_err() {
            symlink(target, &link).map_err(|error| told("can't link", &link, error))?;
        }
    }
    let mut all = own_settings(&theirs.join(SETTINGS))?;
    lay_over(&mut all, settings);
    let path = ours.join(SETTINGS);
    process::write_atomic(&path, &all).map_err(|error| format!("can't write {}: {error}", path.display()))?;
    Ok((VARIABLE.to_owned(), home.to_string_lossy().into_owned()))
}

/// Takes the home of a session that has ended away: the person's settings may have secrets in them.
pub(super) fn forget(session: &Path) {
    let home = session.join(HOME);
    match std::fs::remove_dir_all(&home) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(%error, home = %home.display(), "a session's home was not removed");
        }
        _ => {}
    }
}

/// The person's settings; they may have comments in them.
fn own_settings(path: &Path) -> Result<Value, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("can't read {}: {error}", path.display())),
    };
    let read =
        jsonc_parser::parse_to_serde_value::<Option<Value>>(&text, &jsonc_parser::ParseOptions::default());
    let read = read.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(read.unwrap_or_else(|| Value::Object(Map::new())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_home_has_the_persons_things_and_settings_with_ours_laid_over_them() {
        let dir = tempfile::tempdir().unwrap();
        let theirs = dir.path().join("person/.gemini");
        std::fs::create_dir_all(&theirs).unwrap();
        let settings = "{ // mine\n \"ui\": {\"theme\": \"Dracula\"}, \"mcpServers\": {\"a\": {\"command\": \"x\"}, \"loopmon\": {\"args\": [\"old\"]}},\n\
            \"hooks\": {\"AfterAgent\": [1]}, }";
        std::fs::write(theirs.join(SETTINGS), settings).unwrap();
        std::fs::write(theirs.join("oauth_creds.json"), "secret").unwrap();
        let env = vec![("HOME".to_owned(), dir.path().join("person").display().to_string())];
        let ours = json!({"mcpServers": {"loopmon": {"command": "l", "args": ["mcp"]}}, "hooks": {"AfterAgent": [2]}});
        let (name, home) = made(&dir.path().join("s"), &env, ours.clone()).unwrap();
        assert_eq!(name, VARIABLE);
        let home = Path::new(&home).join(FOLDER);
        let all: Value = serde_json::from_slice(&std::fs::read(home.join(SETTINGS)).unwrap()).unwrap();
        assert_eq!(
            all,
            json!({"ui": {"theme": "Dracula"},
                "mcpServers": {"a": {"command": "x"}, "loopmon": {"command": "l", "args": ["mcp"]}}, "hooks": {"AfterAgent": [1, 2]}})
        );
        assert_eq!(std::fs::read_to_string(theirs.join(SETTINGS)).unwrap(), settings, "theirs is as it was");
        assert!(std::fs::symlink_metadata(home.join("oauth_creds.json")).unwrap().is_symlink());
        // What it writes there is the person's, and found by its next session.
        std::fs::create_dir_all(home.join("tmp/p/chats")).unwrap();
        std::fs::write(home.join("projects.json"), "{}").unwrap();
        assert!(theirs.join("tmp/p/chats").is_dir() && theirs.join("projects.json").is_file());
        made(&dir.path().join("s"), &env, ours).unwrap();
        forget(&dir.path().join("s"));
        assert!(!home.exists() && theirs.join("tmp/p/chats").is_dir(), "only the session's own is gone");
    }

    #[test]
    fn settings_that_cannot_be_read_are_told_with_their_place() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(FOLDER)).unwrap();
        std::fs::write(dir.path().join(FOLDER).join(SETTINGS), "{\n  \"a\": }").unwrap();
        let env = vec![("GEMINI_CLI_HOME".to_owned(), dir.path().display().to_string())];
        let problem = made(&dir.path().join("s"), &env, json!({})).unwrap_err();
        assert!(problem.contains("settings.json") && problem.contains("line 2"), "{problem}");
        assert!(made(dir.path(), &[], json!({})).is_err());
    }
}
