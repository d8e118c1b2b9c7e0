//! What a person is asked, and how the turn goes on after an interrupt.

use super::console::{Console, Halt, Input};
use super::status::State;

/// Asks for leave. Without a terminal nobody can give it.
pub(super) fn ask(console: &mut Console, command: &str, why: &str) -> Result<bool, Halt> {
    if !console.can_listen() {
        console.line(&format!("? {why} Nobody can be asked here: not done."))?;
        return Ok(false);
    }
    console.spin(None);
    console.line("")?;
    console.line(&console.paint("33", "╭─ 🔐 Permission needed"))?;
    for text in [why.to_owned(), console.paint("1", &format!("  $ {command}")), String::new()] {
        console.line(&format!("{} {text}", console.paint("33", "│")))?;
    }
    console.line(&format!(
        "{} ❯ 1. Yes, run it   2. No   {}",
        console.paint("33", "│"),
        console.paint("2", "(y/n)")
    ))?;
    console.line(&console.paint("33", "╰─"))?;
    console.status(State::BlockedOnPermission, &format!("approve: {command}"), None)?;
    console.set_dialog(true);
    let answer = answer(console);
    console.set_dialog(false);
    let allowed = answer?;
    console.status(State::Working, "", None)?;
    let answer = if allowed { console.paint("32", "✓ allowed") } else { console.paint("31", "✗ denied") };
    console.line(&format!("  {answer}"))?;
    Ok(allowed)
}

fn answer(console: &mut Console) -> Result<bool, Halt> {
    loop {
        match console.wait_for_input()? {
            Input::Key('y' | 'Y' | '1') | Input::Enter => return Ok(true),
            Input::Key('n' | 'N' | '2') | Input::Escape | Input::Interrupt => return Ok(false),
            Input::Key(_) | Input::Line(_) => {}
        }
    }
}

/// Waits in silence until it is spoken to, and says what it heard.
pub(super) fn listen(console: &mut Console) -> Result<(), Halt> {
    loop {
        if let Input::Line(text) = console.wait_for_input()? {
            return heard(console, &text);
        }
    }
}

/// Shows the interrupt and waits for what to do instead. A second one within that wait ends the program.
pub(super) fn interrupted(console: &mut Console) -> Result<(), Halt> {
    console.spin(None);
    console.line(&console.paint("31", "  ⎿  Interrupted · what should be done instead?"))?;
    console.status(State::Idle, "interrupted", None)?;
    console.line(&console.paint("2", "❯ (type, or Ctrl-C again to exit)"))?;
    loop {
        match console.wait_for_input()? {
            Input::Line(text) => return heard(console, &text),
            Input::Interrupt => return Err(Halt::Exit(130)),
            Input::Key(_) | Input::Enter | Input::Escape => {}
        }
    }
}

/// Shows a line that came in.
pub(super) fn heard(console: &mut Console, text: &str) -> Result<(), Halt> {
    let first = text.lines().next().unwrap_or_default();
    let more = text.lines().count().saturating_sub(1);
    let more = if more > 0 { format!(" [+{more} lines]") } else { String::new() };
    console.status(State::Working, "", None)?;
    console.line("")?;
    console.line(&console.paint("7", &format!("❯ {}{more} ", printable(first))))
}

/// Without control characters: what is typed at an agent is shown, never obeyed by the terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
