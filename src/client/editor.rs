//! The person's editor on a text, in the terminal that the client has given back for it.

use std::io::Write;
use std::process::Command;

/// The text as edited; `None` if there is no editor or it failed.
pub fn edit(text: &str, suffix: &str) -> Option<String> {
    let mut file = tempfile::Builder::new().prefix("loopmon-").suffix(suffix).tempfile().ok()?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).ok()?;
    // `$EDITOR` may hold arguments, so a shell reads it; the path is passed as an argument of its own.
    let status =
        Command::new("sh").arg("-c").arg(format!("{} \"$1\"", command())).arg("sh").arg(file.path()).status();
    status.ok().filter(|status| status.success())?;
    std::fs::read_to_string(file.path()).ok()
}

fn command() -> String {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned())
}
