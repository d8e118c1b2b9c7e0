//! Plays a turn: its actions one after the other, on the console and in the worktree.

use std::path::Path;

use serde_json::json;

use super::console::{Console, Halt, Input};
use super::edits::{self, Diff, EditError};
use super::result::{self, Outcome};
use super::script::{Action, Script};
use super::shell::{Ended, Running};
use super::status::State;
use super::turn::Turn;
use super::{defaults, dialog};

/// Lines of a diff and of a command's output that are shown.
const DIFF_LINES: usize = 14;
const OUTPUT_LINES: usize = 10;

/// Plays the turn to its end and gives the exit code.
pub(super) fn play(
    console: &mut Console,
    script: &Script,
    turn: &Turn,
    root: &Path,
    wait: bool,
) -> Result<i32, Halt> {
    let actions = match script.actions(turn) {
        Some(actions) => actions.to_vec(),
        None => defaults::actions(root, turn),
    };
    let mut player =
        Player { console, turn, root, outcome: Outcome::default(), label: "Thinking".to_owned() };
    player.banner()?;
    player.prompt(wait)?;
    match player.all(&actions) {
        Ok(()) => player.hand_in(&actions),
        Err(Halt::Exit(code)) => Ok(code),
        Err(halt) => Err(halt),
    }
}

struct Player<'a> {
    console: &'a mut Console,
    turn: &'a Turn,
    root: &'a Path,
    outcome: Outcome,
    label: String,
}

impl Player<'_> {
    fn banner(&mut self) -> Result<(), Halt> {
        let turn = self.turn;
        let task = if turn.task.is_empty() { String::new() } else { format!("{} · ", turn.task) };
        let what = format!("{task}{} · round {} · attempt {}", turn.step.name(), turn.round, turn.attempt);
        let name = self.console.paint("1;35", &turn.agent);
        self.console.line(&format!(
            "{} {name} {}",
            self.console.paint("35", "╭─ 🌱"),
            self.console.paint("2", "simulated agent: nothing leaves this machine")
        ))?;
        self.console.line(&format!("{} {what}", self.console.paint("35", "│")))?;
        let folder = self.root.to_string_lossy().into_owned();
        self.console.line(&format!("{} {}", self.console.paint("35", "╰─"), self.console.paint("2", &folder)))
    }

    fn prompt(&mut self, wait: bool) -> Result<(), Halt> {
        let file = self.turn.prompt_file.as_deref();
        let text = file.and_then(|path| std::fs::read_to_string(path).ok()).filter(|_| !wait);
        match text {
            Some(text) => {
                let lines = text.lines().count();
                self.console.status(State::Working, "", Some(0))?;
                self.bullet("32", &format!("Read the prompt ({lines} lines)"))
            }
            None if self.console.can_listen() => {
                self.console.line(&self.console.paint("2", "❯ waiting for a prompt"))?;
                dialog::listen(self.console)
            }
            None => Ok(()),
        }
    }

    fn all(&mut self, actions: &[Action]) -> Result<(), Halt> {
        for (done, action) in actions.iter().enumerate() {
            let percent = u8::try_from(done * 100 / actions.len().max(1)).unwrap_or(100);
            self.console.status(State::Working, &activity(action), Some(percent))?;
            self.one(action)?;
        }
        Ok(())
    }

    fn one(&mut self, action: &Action) -> Result<(), Halt> {
        match action {
            Action::Say(text) => self.say(text),
            Action::Think(seconds) => self.pause(*seconds),
            Action::Tool { name, on, output } => self.tool(name, on, output.as_deref().unwrap_or_default()),
            Action::Write { path, text } => self.edit("Write", path, edits::write(self.root, path, text)),
            Action::Append { path, text } => self.edit("Update", path, edits::append(self.root, path, text)),
            Action::Patch { path, find, replace } => {
                self.edit("Update", path, edits::patch(self.root, path, find, replace))
            }
            Action::Delete { path } => self.edit("Delete", path, edits::delete(self.root, path)),
            Action::Resolve { path, with } => self.resolve(path, with.as_deref()),
            Action::Run(line) => self.run(line).map(|_| ()),
            Action::Ask { run, why, denied } => self.ask(run, why, denied),
            Action::GoSilent => self.go_silent(),
            Action::Verdict { vote, summary, findings } => {
                self.outcome.verdict = Some(result::verdict(self.root, *vote, summary, findings));
                self.say(summary)
            }
            Action::Result(summary) => {
                self.outcome.summary = Some(summary.clone());
                self.say(summary)
            }
            Action::Answer(text) => {
                self.outcome.answer = Some(text.clone());
                Ok(())
            }
            Action::Usage { cost_usd, input_tokens, output_tokens } => {
                self.outcome.usage = Some(
                    json!({"cost_usd": cost_usd, "input_tokens": input_tokens, "output_tokens": output_tokens}),
                );
                Ok(())
            }
            Action::Exit(code) => Err(Halt::Exit(*code)),
        }
    }

    /// Waits with the spinner. Interrupted, it asks what to do and then goes on where it was.
    fn pause(&mut self, seconds: f64) -> Result<(), Halt> {
        let mut left = seconds;
        let label = self.label.clone();
        self.console.spin(Some(&label));
        while let Some((input, rest)) = self.console.wait(left)? {
            left = rest;
            match input {
                Input::Interrupt | Input::Escape => {
                    dialog::interrupted(self.console)?;
                    self.say("All right: I take that into account and go on.")?;
                }
                Input::Line(text) => dialog::heard(self.console, &text)?,
                Input::Key(_) | Input::Enter => {}
            }
            self.console.spin(Some(&label));
        }
        self.console.spin(None);
        self.console.clear_spinner()
    }

    fn say(&mut self, text: &str) -> Result<(), Halt> {
        let lines = wrap(text, self.console.width().saturating_sub(3));
        let bullet = self.console.paint("35", "●");
        for (number, line) in lines.iter().enumerate() {
            self.pause(0.12)?;
            let lead = if number == 0 { bullet.as_str() } else { " " };
            self.console.line(&format!("{lead} {line}"))?;
        }
        Ok(())
    }

    fn tool(&mut self, name: &str, on: &str, output: &str) -> Result<(), Halt> {
        self.bullet("32", &format!("{}({on})", self.console.paint("1", name)))?;
        self.pause(0.4)?;
        self.output(output, "2")
    }

    fn edit(&mut self, name: &str, path: &str, edit: Result<Diff, EditError>) -> Result<(), Halt> {
        self.bullet("32", &format!("{}({path})", self.console.paint("1", name)))?;
        match edit {
            Ok(diff) => self.diff(&diff),
            Err(error) => self.fail(&format!("failed to {error}")),
        }
    }

    fn resolve(&mut self, path: &str, with: Option<&str>) -> Result<(), Halt> {
        match edits::resolve(self.root, path, with) {
            Ok(Some(diff)) => {
                self.bullet("32", &format!("{}({path})", self.console.paint("1", "Resolve")))?;
                self.diff(&diff)
            }
            Ok(None) => self.say(&format!("{path} holds no conflict.")),
            Err(error) => self.fail(&format!("failed to {error}")),
        }
    }

    fn diff(&mut self, diff: &Diff) -> Result<(), Halt> {
        let count = |n: usize, word: &str| format!("{n} line{} {word}", if n == 1 { "" } else { "s" });
        let what = format!("{}, {}", count(diff.added.len(), "added"), count(diff.removed.len(), "removed"));
        self.console.line(&format!("  {}", self.console.paint("2", &format!("⎿  {what}"))))?;
        let old = (diff.line..).zip(&diff.removed).map(|(number, line)| (number, "-", "31", line));
        let new = (diff.line..).zip(&diff.added).map(|(number, line)| (number, "+", "32", line));
        for (number, sign, colour, line) in old.chain(new).take(DIFF_LINES) {
            self.pause(0.05)?;
            let number = self.console.paint("2", &format!("{number:>5}"));
            self.console
                .line(&format!("  {number} {}", self.console.paint(colour, &format!("{sign} {line}"))))?;
        }
        let more = (diff.removed.len() + diff.added.len()).saturating_sub(DIFF_LINES);
        if more > 0 {
            self.console
                .line(&format!("        {}", self.console.paint("2", &format!("… {more} more lines"))))?;
        }
        Ok(())
    }

    fn ask(&mut self, run: &str, why: &str, denied: &[Action]) -> Result<(), Halt> {
        if dialog::ask(self.console, run, why)? {
            return self.run(run).map(|_| ());
        }
        self.all(denied)
    }

    fn run(&mut self, line: &str) -> Result<Ended, Halt> {
        let shown = line.lines().next().unwrap_or_default();
        self.bullet("32", &format!("{}({shown})", self.console.paint("1", "Bash")))?;
        let mut running = Running::start(line, self.root)?;
        self.console.spin(Some("Running"));
        let ended = loop {
            if let Some(ended) = running.poll()? {
                break ended;
            }
            match self.console.wait(0.05) {
                Ok(Some((Input::Interrupt | Input::Escape, _))) => {
                    running.kill();
                    dialog::interrupted(self.console)?;
                }
                Ok(_) => {}
                Err(halt) => {
                    running.kill();
                    return Err(halt);
                }
            }
        };
        self.console.spin(None);
        self.console.clear_spinner()?;
        self.output(&ended.output, "2")?;
        let colour = if ended.code == 0 { "32" } else { "31" };
        let end = self.console.paint(colour, &format!("exit code {}", ended.code));
        self.console.line(&format!("     {end}"))?;
        Ok(ended)
    }

    fn go_silent(&mut self) -> Result<(), Halt> {
        self.console.spin(None);
        self.console.clear_spinner()?;
        dialog::listen(self.console)?;
        self.say("👋 I am awake again: I had lost the thread. Going on where I was.")
    }

    fn output(&mut self, text: &str, sgr: &str) -> Result<(), Halt> {
        let lines: Vec<String> = text.lines().map(harmless).filter(|line| !line.trim().is_empty()).collect();
        let skipped = lines.len().saturating_sub(OUTPUT_LINES);
        if skipped > 0 {
            self.console
                .line(&format!("  {}", self.console.paint(sgr, &format!("⎿  … {skipped} lines before"))))?;
        }
        for (number, line) in lines.iter().skip(skipped).enumerate() {
            let lead = if number == 0 && skipped == 0 { "⎿ " } else { "  " };
            self.console.line(&format!("  {}", self.console.paint(sgr, &format!("{lead} {line}"))))?;
        }
        Ok(())
    }

    fn bullet(&mut self, colour: &str, text: &str) -> Result<(), Halt> {
        self.pause(0.15)?;
        self.console.line(&format!("{} {text}", self.console.paint(colour, "●")))
    }

    fn fail(&mut self, what: &str) -> Result<(), Halt> {
        self.console.status(State::Error, what, None)?;
        self.console.line(&self.console.paint("31", &format!("✗ {what}")))?;
        Err(Halt::Exit(1))
    }

    fn hand_in(&mut self, actions: &[Action]) -> Result<i32, Halt> {
        if self.outcome.usage.is_none() {
            // About what such a turn would cost; the banner says that it is simulated.
            let size = u64::try_from(actions.len()).unwrap_or(0) + 2;
            self.outcome.usage = Some(
                json!({"cost_usd": 0.004 * size as f64, "input_tokens": 2_100 * size, "output_tokens": 160 * size}),
            );
        }
        let text = self.outcome.text(self.turn);
        match &self.turn.result_file {
            Some(path) => {
                result::hand_in(path, &text)?;
                self.bullet("32", "Handed in the result")?;
            }
            None => self.console.line(&text)?,
        }
        self.console.status(State::Done, "", None)?;
        self.console.line(&self.console.paint("2", "✻ turn ended"))?;
        Ok(0)
    }
}

fn activity(action: &Action) -> String {
    match action {
        Action::Write { path, .. } | Action::Patch { path, .. } | Action::Append { path, .. } => {
            format!("editing {path}")
        }
        Action::Delete { path } => format!("deleting {path}"),
        Action::Resolve { path, .. } => format!("resolving {path}"),
        Action::Run(line) => format!("running {}", line.lines().next().unwrap_or_default()),
        Action::Tool { name, on, .. } => format!("{name} {on}"),
        Action::Think(_) => "thinking".to_owned(),
        _ => String::new(),
    }
}

/// Text in lines of at most so many columns, at spaces.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let columns = unicode_width::UnicodeWidthStr::width;
            if !line.is_empty() && columns(line.as_str()) + 1 + columns(word) > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines
}

/// A line of foreign output without control characters.
fn harmless(line: &str) -> String {
    line.replace('\t', "    ").chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_by_columns() {
        assert_eq!(wrap("aa 漢字 bb\n\nc", 7), ["aa 漢字", "bb", "", "c"]);
    }
}
