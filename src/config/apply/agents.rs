//! The `[agents.*]`.
//!
//! Not for checks of an agent as a whole (`check`), since a later file may complete it. Invariant: agents of the file
//! read last come first.

use std::collections::BTreeMap;

use super::{Draft, check_name, set, value, values};
use crate::config::agent::{Agent, AgentKind, Mode, PromptDelivery, ReviewTools};
use crate::config::problem::nearest;
use crate::config::reader::{Placed, Section};
use crate::config::{Placeholder, Template};

const MODES: [(&str, Mode); 2] = [("headless", Mode::Headless), ("interactive", Mode::Interactive)];
const REVIEW_TOOLS: [(&str, ReviewTools); 2] = [("read", ReviewTools::Read), ("none", ReviewTools::None)];
const DELIVERIES: [(&str, PromptDelivery); 4] = [
    ("stdin", PromptDelivery::Stdin),
    ("argument", PromptDelivery::Argument),
    ("file", PromptDelivery::File),
    ("paste", PromptDelivery::Paste),
];

impl Draft {
    /// Reads the agents of a file; those that exist are changed key by key.
    pub(super) fn agents(&mut self, section: Section<'_, '_, '_>) {
        let mut written = Vec::new();
        for (name, section) in section.named_sections() {
            check_name(&section, &name, "agent");
            let known = self.config.agents.iter().position(|agent| agent.name == name.value);
            let base = known.map(|index| self.config.agents.remove(index));
            self.agent_places.insert(name.value.clone(), name.place);
            let others = written.iter().chain(&self.config.agents);
            written.push(agent(section, &name.value, base, others));
        }
        written.append(&mut self.config.agents);
        self.config.agents = written;
    }
}

fn agent<'a>(
    mut section: Section<'_, '_, '_>,
    name: &str,
    base: Option<Agent>,
    mut others: impl Iterator<Item = &'a Agent>,
) -> Agent {
    let kind = section.choice("kind", &AgentKind::ALL).map(value);
    let is_new = base.is_none();
    let mut agent = base.unwrap_or_else(|| {
        let kind = kind.unwrap_or(AgentKind::Command);
        // A new one starts as the one that has its kind's name.
        let first =
            others.find(|agent| agent.kind == kind && AgentKind::ALL.contains(&(agent.name.as_str(), kind)));
        Agent { name: name.to_owned(), ..first.cloned().unwrap_or_else(|| blank_agent(name, kind)) }
    });
    set(&mut agent.kind, kind);
    set(&mut agent.command, templates(&mut section, "command"));
    let mode = section.choice("mode", &MODES).map(value);
    set(&mut agent.mode, mode);
    match section.choice("prompt", &DELIVERIES).map(value) {
        Some(delivery) => agent.prompt = delivery,
        None if is_new || mode.is_some() => agent.prompt = usual_delivery(agent.mode),
        None => {}
    }
    let model = section.text("model").map(value);
    set(&mut agent.model, model.map(|model| Some(model).filter(|model| !model.is_empty())));
    let effort = section.text("effort").map(value);
    set(&mut agent.effort, effort.map(|effort| Some(effort).filter(|effort| !effort.is_empty())));
    let words: Vec<_> = agent.kind.permissions().iter().map(|(word, _)| (*word, *word)).collect();
    let permission = section.choice("permission", &words).map(value);
    set(&mut agent.permission, permission.map(|word| Some(word.to_owned())));
    set(&mut agent.asks, section.flag("asks"));
    set(&mut agent.parallel, section.whole("parallel", 1..=64).map(Some));
    set(&mut agent.review_tools, section.choice("review_tools", &REVIEW_TOOLS).map(value));
    set(&mut agent.unsafe_allowed, section.flag("unsafe"));
    set(&mut agent.extra_args, templates(&mut section, "extra_args"));
    set(&mut agent.resume_args, templates(&mut section, "resume_args"));
    set(&mut agent.env, allowlist(&mut section));
    if let Some(table) = section.section("set") {
        agent.set.extend(environment(table));
    }
    set(&mut agent.approve_keys, section.text("approve_keys").map(value));
    set(&mut agent.deny_keys, section.text("deny_keys").map(value));
    set(&mut agent.interrupt_keys, section.text("interrupt_keys").map(value));
    section.finish();
    agent
}

/// An agent of which nothing is said but its kind.
pub(in crate::config) fn blank_agent(name: &str, kind: AgentKind) -> Agent {
    Agent {
        name: name.to_owned(),
        kind,
        command: Vec::new(),
        prompt: PromptDelivery::Stdin,
        mode: Mode::Headless,
        model: None,
        effort: None,
        permission: None,
        asks: false,
        parallel: None,
        review_tools: ReviewTools::Read,
        unsafe_allowed: false,
        extra_args: Vec::new(),
        resume_args: Vec::new(),
        env: Vec::new(),
        set: BTreeMap::new(),
        approve_keys: "\r".to_owned(),
        deny_keys: "\u{1b}".to_owned(),
        interrupt_keys: "\u{3}".to_owned(),
    }
}

/// How a prompt gets to an agent of which nothing else is said.
pub(in crate::config) fn usual_delivery(mode: Mode) -> PromptDelivery {
    match mode {
        Mode::Headless => PromptDelivery::Stdin,
        Mode::Interactive => PromptDelivery::Paste,
    }
}

fn templates(section: &mut Section<'_, '_, '_>, key: &'static str) -> Option<Vec<Template>> {
    let mut list = Vec::new();
    for Placed { value, place } in section.texts(key)? {
        match Template::parse(&value) {
            Ok(template) => list.push(template),
            Err(unknown) => {
                let names = Placeholder::ALL.map(|(name, _)| name);
                let all =
                    || format!("there are {}; to write {{name}} itself, double its braces", names.join(", "));
                let hint = nearest(&unknown, names).unwrap_or_else(all);
                section.report(place.problem(format!("unknown placeholder {{{unknown}}}"), Some(hint)));
            }
        }
    }
    Some(list)
}

fn allowlist(section: &mut Section<'_, '_, '_>) -> Option<Vec<String>> {
    let names = section.texts("env")?;
    for name in &names {
        let named = name.value.strip_prefix('!').unwrap_or(&name.value);
        if !is_env_name(named.strip_suffix('*').unwrap_or(named)) {
            section.report(name.place.problem("not a name of an environment variable", None));
        }
    }
    Some(values(names))
}

fn environment(table: Section<'_, '_, '_>) -> BTreeMap<String, String> {
    let entries = table.named_texts(false, |name| {
        (!is_env_name(name)).then(|| "not a name of an environment variable".to_owned())
    });
    let first = |texts: Placed<Vec<Placed<String>>>| texts.value.into_iter().next();
    entries.into_iter().filter_map(|(name, texts)| Some((name, first(texts)?.value))).collect()
}

fn is_env_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(fits)
}
