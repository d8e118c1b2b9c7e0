//! The `[[gates]]`.
//!
//! Not for running them. Invariant: names are unique, commands are not empty.

use std::time::Duration;

use super::{Draft, leaves_the_top, minutes, value, values};
use crate::config::problem::Problem;
use crate::config::reader::Section;
use crate::config::settings::{Gate, GateCommand};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20 * 60);

impl Draft {
    /// Reads the gates of a file, which take the place of those before.
    pub(super) fn gates(&mut self, sections: Vec<Section<'_, '_, '_>>) {
        let mut gates: Vec<Gate> = Vec::new();
        for section in sections {
            let place = section.place();
            let Some(gate) = gate(section, &mut self.problems) else { continue };
            if gates.iter().any(|other| other.name == gate.name) {
                let message = format!("there is another gate of the name {:?}", gate.name);
                self.problems
                    .push(place.problem(message, Some("each gate has a name of its own".to_owned())));
            }
            gates.push(gate);
        }
        self.config.gates = gates;
    }
}

fn gate(mut section: Section<'_, '_, '_>, problems: &mut Vec<Problem>) -> Option<Gate> {
    let place = section.place();
    let (name, command) = (section.text("name"), section.text_or_texts("command"));
    let timeout = minutes(&mut section, "timeout_minutes").unwrap_or(DEFAULT_TIMEOUT);
    let cwd = section.text("cwd");
    if let Some(cwd) = cwd.as_ref().filter(|cwd| leaves_the_top(&cwd.value)) {
        section.report(cwd.place.problem("must be relative to the top of the repository", None));
    }
    section.finish();
    let missing = |key: &str| place.problem(format!("this gate has no `{key}`"), None);
    problems.extend(name.is_none().then(|| missing("name")));
    problems.extend(command.is_none().then(|| missing("command")));
    let (name, (is_line, words)) = (name?, command?);
    if name.value.is_empty() || name.value.len() > 64 || name.value.contains(char::is_control) {
        problems.push(name.place.problem("a gate's name is one line of at most 64 bytes", None));
    }
    if words.first().is_none_or(|word| word.value.trim().is_empty()) {
        problems.push(place.problem("the command is empty", None));
    }
    let mut words = values(words);
    let command = if is_line { GateCommand::Shell(words.pop()?) } else { GateCommand::Argv(words) };
    Some(Gate { name: name.value, command, timeout, cwd: cwd.map_or_else(|| ".".to_owned(), value) })
}
