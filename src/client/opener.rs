//! Links in the person's browser, by the program that their system has for it.
//!
//! Not for deciding whether to: the person saw where the link leads, and the server passed it on. Invariants: no shell
//! reads a link; nothing but the web and mail is opened, whoever asks; the terminal stays ours unless the browser lives
//! in one.

use std::path::Path;
use std::process::{Command, Stdio};

use std::os::unix::process::CommandExt;

/// What may be opened.
const SCHEMES: [&str; 2] = ["http://", "https://"];
/// Browsers that need the terminal.
const IN_TERMINAL: [&str; 6] = ["w3m", "lynx", "links", "elinks", "browsh", "carbonyl"];

/// A browser and the words to call it with.
#[derive(Debug, PartialEq, Eq)]
pub struct Browser {
    program: String,
    args: Vec<String>,
}

impl Browser {
    /// The one for a link: `$BROWSER`, else what the system opens things with. The error is why there is none.
    pub fn for_link(target: &str) -> Result<Browser, String> {
        let wanted = std::env::var("BROWSER").unwrap_or_default();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let is_there = |program: &str| match program.contains('/') {
            true => Path::new(program).is_file(),
            false => std::env::split_paths(&path).any(|dir| dir.join(program).is_file()),
        };
        choose(target, &wanted, is_there)
    }

    /// Whether it draws in the terminal.
    pub fn is_in_terminal(&self) -> bool {
        let name = Path::new(&self.program).file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| IN_TERMINAL.contains(&name))
    }

    /// Runs it in the terminal to its end.
    pub fn run(&self) -> Result<String, String> {
        let status = Command::new(&self.program).args(&self.args).status();
        status.map(|_| self.said()).map_err(|error| self.failed(&error))
    }

    /// Starts it beside the terminal; nobody waits for it.
    pub fn start(&self) -> Result<String, String> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = command.spawn().map_err(|error| self.failed(&error))?;
        // Its end is taken note of, so that it does not stay in the process table.
        std::thread::spawn(move || child.wait());
        Ok(self.said())
    }

    fn said(&self) -> String {
        format!("opened with {}", self.program)
    }

    fn failed(&self, error: &std::io::Error) -> String {
        format!("{} could not be started: {error}", self.program)
    }
}

fn choose(target: &str, wanted: &str, is_there: impl Fn(&str) -> bool) -> Result<Browser, String> {
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace();
    if !SCHEMES.iter().any(|scheme| target.starts_with(scheme)) || !target.chars().all(is_plain) {
        return Err("only web and mail links are opened".to_owned());
    }
    // Several may be named, as the other programs that read it take them; `%s` stands for the link.
    let commands = wanted.split(':').chain(["xdg-open", "open", "wslview"]);
    for command in commands {
        let mut words = command.split_whitespace();
        let Some(program) = words.next().filter(|program| is_there(program)) else { continue };
        let mut args: Vec<String> = words.map(|word| word.replace("%s", target)).collect();
        if !command.contains("%s") {
            args.push(target.to_owned());
        }
        return Ok(Browser { program: program.to_owned(), args });
    }
    Err("no browser was found: set BROWSER to one".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(wanted: &str, there: &[&str]) -> Result<(String, Vec<String>), String> {
        let browser = choose("https://x.y/$(id);'", wanted, |program| there.contains(&program))?;
        Ok((browser.program, browser.args))
    }

    #[test]
    fn the_first_browser_that_is_there_gets_the_link_as_one_word() {
        let link = "https://x.y/$(id);'".to_owned();
        let of = |program: &str, args: &[&str]| {
            let args = args.iter().map(|arg| arg.replace("LINK", &link)).collect();
            Ok((program.to_owned(), args))
        };
        assert_eq!(chosen("", &["xdg-open"]), of("xdg-open", &["LINK"]));
        assert_eq!(
            chosen("none:firefox --new-tab", &["firefox", "open"]),
            of("firefox", &["--new-tab", "LINK"])
        );
        assert_eq!(chosen("b --url=%s -x", &["b"]), of("b", &["--url=LINK", "-x"]));
        assert!(chosen("none", &[]).unwrap_err().contains("BROWSER"));
    }

    #[test]
    fn nothing_but_the_web_is_opened() {
        for target in [
            "file:///etc/passwd",
            "-x",
            "javascript:1",
            "mailto:a@b.c",
            "https://a b",
            "https://a\n",
            "ssh://h",
        ] {
            assert!(choose(target, "", |_| true).is_err(), "{target}");
        }
        assert!(choose("https://a.b/c", "", |_| true).is_ok());
    }
}
