//! The person's editor or pager on a text, in the terminal that the client has given back for it.

use std::io::Write;
use std::path::Path;
use std::process::Command;

/// The text as edited; `None` if there is no editor or it failed.
pub fn edit(text: &str, suffix: &str) -> Option<String> {
    let file = run(&first_set(&["VISUAL", "EDITOR"], "vi"), text, suffix)?;
    std::fs::read_to_string(file.path()).ok()
}

/// Opens a file itself; `None` if there is no editor or it failed.
pub fn open(path: &Path) -> Option<String> {
    let command = first_set(&["VISUAL", "EDITOR"], "vi");
    call(&command, path).map(|()| String::new())
}

/// Shows the text; `None` if there is no pager or it failed.
pub fn page(text: &str) -> Option<String> {
    run(&first_set(&["PAGER"], "less"), text, ".txt").map(|_| String::new())
}

/// Runs a command on a file with this text, which only its owner can read.
fn run(command: &str, text: &str, suffix: &str) -> Option<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("loopmon-").suffix(suffix).tempfile().ok()?;
    file.write_all(text.as_bytes()).and_then(|()| file.flush()).ok()?;
    call(command, file.path()).map(|()| file)
}

/// Runs a command on a file to its end; `None` if it failed.
fn call(command: &str, path: &Path) -> Option<()> {
    // The command may hold arguments, so a shell reads it; the path is passed as an argument of its own.
    let status = Command::new("sh").arg("-c").arg(format!("{command} \"$1\"")).arg("sh").arg(path).status();
    status.ok().filter(std::process::ExitStatus::success).map(|_| ())
}

fn first_set(names: &[&str], otherwise: &str) -> String {
    let set = |name: &&str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    names.iter().find_map(set).unwrap_or_else(|| otherwise.to_owned())
}
