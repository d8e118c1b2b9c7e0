//! The `[[gates]]` and `[checks]`.
//!
//! Not for running them. Invariant: names are unique, commands are not empty.

use std::time::Duration;

use super::{Draft, leaves_the_top, minutes, set, value, values};
use crate::config::problem::Problem;
use crate::config::reader::Section;
use crate::config::settings::{Gate, GateCommand, OnCheckChange};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20 * 60);

impl Draft {
    /// Reads the gates of a file, which take the place of those before.
    pub(super) fn gates(&mut self, sections: Vec<Section<'_, '_, '_>>) {
        let mut gates: Vec<Gate> = Vec::new();
        self.gate_repositories.clear();
        for section in sections {
            let place = section.place();
            let Some((gate, repository)) = gate(section, &mut self.problems) else { continue };
            self.gate_repositories.extend(repository);
            if gates.iter().any(|other| other.name == gate.name) {
                let message = format!("there is another gate of the name {:?}", gate.name);
                self.problems
                    .push(place.problem(message, Some("each gate has a name of its own".to_owned())));
            }
            gates.push(gate);
        }
        self.config.gates = gates;
    }

    /// Reads which files judge the work.
    pub(super) fn checks(&mut self, mut section: Section<'_, '_, '_>) {
        let checks = &mut self.config.checks;
        if let Some(globs) = section.texts("protect") {
            for glob in &globs {
                let problem = match glob::Pattern::new(&glob.value) {
                    Err(error) => Some(error.msg.to_owned()),
                    Ok(_) if leaves_the_top(&glob.value) => {
                        Some("must be relative to the top of the repository".to_owned())
                    }
                    Ok(_) => None,
                };
                problem.into_iter().for_each(|problem| section.report(glob.place.problem(problem, None)));
            }
            checks.protect = values(globs);
        }
        let on_change = [
            ("person", OnCheckChange::Person),
            ("reject", OnCheckChange::Reject),
            ("allow", OnCheckChange::Allow),
        ];
        set(&mut checks.on_change, section.choice("on_change", &on_change).map(value));
        set(&mut checks.roles, section.texts("roles").map(values));
        let red = section.choice("red_gates", &[("fail", false), ("tolerate", true)]);
        set(&mut checks.tolerate_red, red.map(value));
        section.finish();
    }
}

/// A gate, with the place where its repository is named.
fn gate(
    mut section: Section<'_, '_, '_>,
    problems: &mut Vec<Problem>,
) -> Option<(Gate, Option<crate::config::reader::Placed<String>>)> {
    let place = section.place();
    let (name, command) = (section.text("name"), section.text_or_texts("command"));
    let timeout = minutes(&mut section, "timeout_minutes").unwrap_or(DEFAULT_TIMEOUT);
    let cwd = section.text("cwd");
    if let Some(cwd) = cwd.as_ref().filter(|cwd| leaves_the_top(&cwd.value)) {
        section.report(cwd.place.problem("must be relative to the top of the repository", None));
    }
    let place_of_repository = section.text("repository").filter(|name| !name.value.is_empty());
    let repository = place_of_repository.clone().map(value);
    let mut flag = |key| section.flag(key).unwrap_or(false);
    let (parallel, on_request, always) = (flag("parallel"), flag("on_request"), flag("always"));
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
    let cwd = cwd.map_or_else(|| ".".to_owned(), value);
    let gate = Gate { name: name.value, command, timeout, cwd, parallel, on_request, always, repository };
    Some((gate, place_of_repository))
}
