//! What was found, as a `loopmon.toml` with comments.
//!
//! Not for writing it to a disk. Invariant: the text passes `config::validate`, also with its `#:` examples taken in.

use std::fmt::Write;

use super::{Found, FoundAgent, FoundGate};

/// What the known agents may do unless something else is said, and an example of another setting.
const SETTINGS: [(&str, &str, &str); 4] = [
    ("claude", "acceptEdits", "model = \"opus\""),
    ("codex", "workspace-write", "effort = \"high\""),
    ("gemini", "auto_edit", "model = \"gemini-2.5-pro\""),
    ("opencode", "edit", "model = \"provider/model\""),
];

/// Writes a configuration for what was found.
pub fn render_config(found: &Found) -> String {
    let mut text = String::from(
        "# loopmon.toml: how loopmon works in this repository. `loopmon validate` checks it.\n\
         # Keys that are not here have the defaults of config.example.toml. Lines with \"#:\" are examples.\n",
    );
    match found.stacks.is_empty() {
        true => text.push_str("# No build tool was recognised here.\n"),
        false => line(&mut text, "# Found: ", &found.stacks.join(", ")),
    }
    for note in &found.notes {
        line(&mut text, "# Note: ", note);
    }
    repositories(&mut text, &found.repositories);
    gates(&mut text, found);
    worktrees(&mut text, found);
    agents(&mut text, &found.agents);
    text
}

fn repositories(text: &mut String, names: &[String]) {
    if names.is_empty() {
        return;
    }
    text.push_str(
        "\n# Worked on together: what a task changes in them is merged in all or in none. Take out what should stay away.\n\
         [repositories]\n",
    );
    for name in names {
        let _ = writeln!(text, "{} = {}", toml_edit::Key::new(name), quoted(name));
    }
}

fn gates(text: &mut String, found: &Found) {
    let gates: &[FoundGate] = &found.gates;
    text.push_str(
        "\n# Gates must pass before a task is reviewed, and again on the merged tree. They run in this order.\n\
         # Try each by hand once: a gate that fails today fails for every task.\n",
    );
    if gates.is_empty() {
        text.push_str("#:[[gates]]\n#:name = \"test\"\n#:command = \"./test.sh\"\n#:timeout_minutes = 20\n");
    }
    for (number, gate) in gates.iter().enumerate() {
        text.push_str(if number == 0 { "[[gates]]\n" } else { "\n[[gates]]\n" });
        let _ = writeln!(text, "name = {}", quoted(&gate.name));
        let _ =
            writeln!(text, "command = {} # because of {}", quoted(&gate.command), one_line(&gate.because));
        if found.repositories.contains(&gate.cwd) {
            let _ = writeln!(text, "repository = {}", quoted(&gate.cwd));
        } else if gate.cwd != "." {
            let _ = writeln!(text, "cwd = {}", quoted(&gate.cwd));
        }
    }
}

fn worktrees(text: &mut String, found: &Found) {
    if found.setup.is_empty() && found.copy.is_empty() {
        return;
    }
    text.push_str("\n[worktrees]\n");
    if !found.setup.is_empty() {
        text.push_str("# Run once in each new worktree, before the agent starts.\n");
        let _ = writeln!(text, "setup = {}", list(&found.setup));
    }
    if !found.copy.is_empty() {
        text.push_str("# Copied from your checkout. Agents can read these files.\n");
        let _ = writeln!(text, "copy = {}", list(&found.copy));
    }
}

fn agents(text: &mut String, agents: &[FoundAgent]) {
    text.push_str("\n# Agents on this machine:");
    match agents.is_empty() {
        true => text.push_str(" none. Install one (claude, for example), or describe your own:\n"),
        false => text.push('\n'),
    }
    for agent in agents {
        let version = agent.version.as_deref().unwrap_or("gave no version");
        line(text, "#   ", &format!("{} ({version}), {}", agent.name, agent.path.display()));
    }
    if agents.is_empty() {
        text.push_str(
            "#:[agents.mine]\n#:command = [\"my-agent\", \"{prompt_file}\"]\n#:prompt = \"file\"\n",
        );
    }
    for (name, permission, example) in SETTINGS {
        if agents.iter().any(|agent| agent.name == name) {
            let _ = writeln!(text, "[agents.{name}]\npermission = {permission:?}\n#:{example}");
            let _ =
                writeln!(text, "# In a terminal of its own, which you can enter:\n#:mode = \"interactive\"");
        }
    }
}

fn line(text: &mut String, prefix: &str, content: &str) {
    let _ = writeln!(text, "{prefix}{}", one_line(content));
}

/// Text for a comment: nothing in it can end the line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn quoted(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

fn list(items: &[String]) -> String {
    items.iter().map(toml_edit::Value::from).collect::<toml_edit::Array>().to_string()
}
