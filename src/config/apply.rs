//! Files, one on top of the other, into a configuration.
//!
//! Not for checks that need the whole (`check`). Invariant: the first file applied is the embedded defaults, which
//! name every key that is not optional; so each draft after it is complete.

pub(super) mod agents;
mod gates;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::problem::Problem;
use super::reader::{Place, Placed, Reader, Section};
use super::settings::*;
use super::{Config, Source};
use crate::model::is_name;

/// A configuration in the making.
pub(super) struct Draft {
    pub config: Config,
    pub problems: Vec<Problem>,
    /// Names of agents that some key refers to, by key, with the place; a later file replaces the entry.
    pub references: BTreeMap<String, Placed<String>>,
    /// Where each agent was last written about.
    pub agent_places: BTreeMap<String, Place>,
    pub quorum_place: Option<Place>,
    /// The repositories that gates name.
    pub gate_repositories: Vec<Placed<String>>,
    /// Where the theme is named.
    pub theme_place: Option<Place>,
    /// Where the key that leaves a terminal is named.
    pub leave_key_place: Option<Place>,
    /// Where each action was last bound, and each of its keys.
    pub key_places: BTreeMap<String, (Place, Vec<Place>)>,
    /// Every key that exists, for the test of the documentation.
    pub known: BTreeSet<String>,
}

const PATTERNS: [(&str, Pattern); 6] = [
    ("workflow", Pattern::Workflow),
    ("inline", Pattern::Inline),
    ("pair", Pattern::Pair),
    ("standing", Pattern::Standing),
    ("promote", Pattern::Promote),
    ("trio", Pattern::Trio),
];
const NAME_RULE: &str =
    "letters, digits, `-`, `_` and `.` only, at most 40, and no `..`, `.` or `.lock` at the end";
const A_YEAR_IN_SECONDS: f64 = 366.0 * 86_400.0;
const A_YEAR_IN_MINUTES: f64 = A_YEAR_IN_SECONDS / 60.0;

impl Default for Draft {
    fn default() -> Self {
        Self {
            config: blank(),
            problems: Vec::new(),
            references: BTreeMap::new(),
            agent_places: BTreeMap::new(),
            quorum_place: None,
            gate_repositories: Vec::new(),
            theme_place: None,
            leave_key_place: None,
            key_places: BTreeMap::new(),
            known: BTreeSet::new(),
        }
    }
}

impl Draft {
    /// Reads a file on top of what is there.
    pub fn apply(&mut self, source: &Source<'_>) {
        let reader = Reader::new(*source);
        reader.read(|mut top| {
            top.section("run").into_iter().for_each(|section| self.run(section));
            top.section("defaults").into_iter().for_each(|section| self.defaults(section));
            top.section("review").into_iter().for_each(|section| self.review(section));
            top.section("roles").into_iter().for_each(|section| self.roles(section));
            if let Some(gates) = top.sections("gates") {
                self.gates(gates);
            }
            top.section("limits").into_iter().for_each(|section| self.limits(section));
            top.section("promotion").into_iter().for_each(|section| self.promotion(section));
            top.section("checks").into_iter().for_each(|section| self.checks(section));
            top.section("agents").into_iter().for_each(|section| self.agents(section));
            top.section("repositories").into_iter().for_each(|section| self.repositories(section));
            top.section("worktrees").into_iter().for_each(|section| self.worktrees(section));
            top.section("ui").into_iter().for_each(|section| self.ui(section));
            top.section("keys").into_iter().for_each(|section| self.keys(section));
            top.section("recording").into_iter().for_each(|section| self.recording(section));
            top.section("prices").into_iter().for_each(|section| self.prices(section));
            top.finish();
        });
        let (problems, known) = reader.into_problems();
        self.problems.extend(problems);
        self.known.extend(known);
    }

    fn run(&mut self, mut section: Section<'_, '_, '_>) {
        let run = &mut self.config.run;
        set(&mut run.parallel, section.whole("parallel", 1..=64));
        set(&mut run.max_rounds, section.whole("max_rounds", 1..=50));
        let on_max =
            [("return-last", OnMax::ReturnLast), ("fail", OnMax::Fail), ("escalate", OnMax::Escalate)];
        set(&mut run.on_max, section.choice("on_max", &on_max).map(value));
        let after = [("validate", AfterFix::Validate), ("implement", AfterFix::Implement)];
        set(&mut run.after_fix, section.choice("after_fix", &after).map(value));
        set(&mut run.attempts, section.whole("attempts", 1..=20));
        set(&mut run.corrections, section.whole("corrections", 0..=10));
        set(&mut run.backoff, seconds(&mut section, "backoff_seconds", 0.0));
        set(&mut run.backoff_cap, seconds(&mut section, "backoff_cap_seconds", 0.0));
        set(&mut run.idle, seconds(&mut section, "idle_seconds", 1.0));
        set(&mut run.step_timeout, minutes(&mut section, "step_timeout_minutes"));
        let budget = section.number("budget_usd", 0.0..=1_000_000.0);
        set(&mut run.budget_usd, budget.map(|usd| Some(usd).filter(|usd| *usd > 0.0)));
        let gate =
            [("never", HumanGate::Never), ("always", HumanGate::Always), ("marked", HumanGate::Marked)];
        set(&mut run.human_gate, section.choice("human_gate", &gate).map(value));
        set(&mut run.foresee, section.flag("foresee_conflicts"));
        set(&mut run.same_failure, section.whole("same_failure", 0..=20));
        set(&mut run.pattern, section.choice("pattern", &PATTERNS).map(value));
        section.finish();
    }

    fn limits(&mut self, mut section: Section<'_, '_, '_>) {
        let limits = &mut self.config.limits;
        let time = |section: &mut Section<'_, '_, '_>, key| {
            let minutes = section.number(key, 0.0..=A_YEAR_IN_MINUTES);
            minutes.map(|minutes| Duration::from_secs_f64(minutes * 60.0))
        };
        set(&mut limits.tokens, section.whole("tokens", 0..=u32::MAX));
        set(&mut limits.time, time(&mut section, "minutes"));
        set(&mut limits.task_usd, section.number("task_usd", 0.0..=1_000_000.0));
        set(&mut limits.task_tokens, section.whole("task_tokens", 0..=u32::MAX));
        set(&mut limits.task_time, time(&mut section, "task_minutes"));
        section.finish();
    }

    fn promotion(&mut self, mut section: Section<'_, '_, '_>) {
        let promotion = &mut self.config.promotion;
        set(&mut promotion.recurring, section.whole("recurring", 0..=100));
        set(&mut promotion.alike, section.whole("alike", 0..=10_000));
        set(&mut promotion.roles, section.texts("roles").map(values));
        set(&mut promotion.spot_check, section.whole("spot_check", 0..=1_000));
        set(&mut promotion.drift_round, section.whole("drift_round", 0..=50));
        section.finish();
    }

    fn defaults(&mut self, mut section: Section<'_, '_, '_>) {
        for (key, target) in [
            ("implementer", &mut self.config.defaults.implementer),
            ("planner", &mut self.config.defaults.planner),
        ] {
            if let Some(name) = section.text(key) {
                *target = Some(name.value.clone()).filter(|name| !name.is_empty());
                refer(&mut self.references, name);
            }
        }
        section.finish();
    }

    fn review(&mut self, mut section: Section<'_, '_, '_>) {
        let review = &mut self.config.review;
        if let Some(names) = section.texts("agents") {
            if let Some(tenth) = names.get(9) {
                section.report(tenth.place.problem("at most 9 reviewers", None));
            }
            review.agents = names.iter().map(|name| name.value.clone()).collect();
            self.references.retain(|key, _| !key.starts_with("review.agents"));
            let keyed = |(number, name)| (format!("review.agents.{number}"), name);
            self.references.extend(names.into_iter().enumerate().map(keyed));
        }
        if let Some(quorum) = section.word_or_whole("quorum") {
            self.quorum_place = Some(quorum.place.clone());
            match (quorum.value.as_str(), quorum.value.parse()) {
                ("all", _) => review.quorum = Quorum::All,
                (_, Ok(number @ 1..=9)) => review.quorum = Quorum::AtLeast(number),
                _ => section.report(quorum.place.problem("expected \"all\" or a number from 1 to 9", None)),
            }
        }
        set(&mut review.timeout, minutes(&mut section, "timeout_minutes"));
        set(&mut review.continue_on_fail, section.flag("continue_on_fail"));
        if let Some(names) = section.texts("fallback") {
            review.fallback = names.iter().map(|name| name.value.clone()).collect();
            self.references.retain(|key, _| !key.starts_with("review.fallback"));
            let keyed = |(number, name)| (format!("review.fallback.{number}"), name);
            self.references.extend(names.into_iter().enumerate().map(keyed));
        }
        section.finish();
    }

    fn roles(&mut self, section: Section<'_, '_, '_>) {
        for (name, mut section) in section.named_sections() {
            check_name(&section, &name, "role");
            let role = self.config.roles.entry(name.value).or_default();
            if let Some(agent) = section.text("agent") {
                role.agent = Some(agent.value.clone()).filter(|name| !name.is_empty());
                refer(&mut self.references, agent);
            }
            set(&mut role.prompt, section.text("prompt").map(value));
            set(&mut role.parallel, section.whole("parallel", 1..=64).map(Some));
            let budget = section.number("budget_usd", 0.0..=1_000_000.0);
            set(&mut role.budget_usd, budget.map(|usd| Some(usd).filter(|usd| *usd > 0.0)));
            section.finish();
        }
    }

    fn prices(&mut self, section: Section<'_, '_, '_>) {
        for (name, mut section) in section.named_sections() {
            let known = self.config.prices.get(&name.value).copied();
            let mut number = |key| section.number(key, 0.0..=1_000_000.0);
            let (input, cached, output) = (number("input"), number("cached"), number("output"));
            let (input, output) =
                (input.or(known.map(|price| price.input)), output.or(known.map(|price| price.output)));
            match (input, output) {
                (Some(input), Some(output)) => {
                    let cached = cached.or(known.map(|price| price.cached)).unwrap_or(input);
                    self.config.prices.insert(name.value, Price { input, cached, output });
                }
                _ => section.report(name.place.problem("a price needs `input` and `output`", None)),
            }
            section.finish();
        }
    }

    fn repositories(&mut self, section: Section<'_, '_, '_>) {
        let wrong = |name: &str| (!is_name(name)).then(|| format!("names of repositories have {NAME_RULE}"));
        for (name, Placed { value: mut paths, .. }) in section.named_texts(false, wrong) {
            self.config.repositories.extend(paths.pop().map(|path| (name, path.value)));
        }
    }

    fn worktrees(&mut self, mut section: Section<'_, '_, '_>) {
        let worktrees = &mut self.config.worktrees;
        let dir = section.text("dir").map(value);
        set(&mut worktrees.dir, dir.map(|dir| Some(dir).filter(|dir| !dir.is_empty())));
        set(&mut worktrees.setup, section.texts("setup").map(values));
        set(&mut worktrees.submodules_may_move, section.flag("submodules_may_move"));
        set(&mut worktrees.setup_timeout, minutes(&mut section, "setup_timeout_minutes"));
        if let Some(globs) = section.texts("copy") {
            for glob in globs.iter().filter(|glob| leaves_the_top(&glob.value)) {
                section.report(glob.place.problem("must be relative to the top of the repository", None));
            }
            worktrees.copy = values(globs);
        }
        section.finish();
    }

    fn ui(&mut self, mut section: Section<'_, '_, '_>) {
        let ui = &mut self.config.ui;
        if let Some(theme) = section.text("theme") {
            (ui.theme, self.theme_place) = (theme.value, Some(theme.place));
        }
        set(&mut ui.ascii, section.flag("ascii"));
        set(&mut ui.mouse, section.flag("mouse"));
        set(&mut ui.bell, section.flag("bell"));
        let clipboard = [
            ("deny", Clipboard::Deny),
            ("ask", Clipboard::Ask),
            ("focused", Clipboard::Focused),
            ("allow", Clipboard::Allow),
        ];
        set(&mut ui.clipboard, section.choice("clipboard", &clipboard).map(value));
        let history = section.whole("history_mib", 1..=100_000);
        set(&mut ui.history_bytes, history.map(|mib| u64::from(mib) << 20));
        if let Some(key) = section.text("leave_key") {
            (ui.leave_key, self.leave_key_place) = (key.value, Some(key.place));
        }
        section.finish();
    }

    fn keys(&mut self, section: Section<'_, '_, '_>) {
        for (action, Placed { value: keys, place }) in section.named_texts(true, |_| None) {
            let places = keys.iter().map(|key| key.place.clone()).collect();
            self.key_places.insert(action.clone(), (place, places));
            self.config.keys.insert(action, values(keys));
        }
    }

    fn recording(&mut self, mut section: Section<'_, '_, '_>) {
        let limit = section.whole("limit_mib", 1..=1_000_000);
        set(&mut self.config.recording.limit_bytes, limit.map(|mib| u64::from(mib) << 20));
        section.finish();
    }
}

/// What stands before the embedded defaults are read. Every value here is replaced by them; a test sees to it.
fn blank() -> Config {
    let none = Duration::ZERO;
    Config {
        prices: BTreeMap::new(),
        run: Run {
            parallel: 0,
            max_rounds: 0,
            on_max: OnMax::Escalate,
            after_fix: AfterFix::Implement,
            attempts: 0,
            corrections: 0,
            backoff: none,
            backoff_cap: none,
            idle: none,
            step_timeout: none,
            budget_usd: Some(0.0),
            human_gate: HumanGate::Always,
            pattern: Pattern::Workflow,
            foresee: false,
            same_failure: 99,
        },
        limits: Limits { tokens: 1, time: none, task_usd: 1.0, task_tokens: 1, task_time: none },
        promotion: Promotion { recurring: 0, alike: 0, roles: Vec::new(), spot_check: 0, drift_round: 0 },
        defaults: Defaults::default(),
        review: Review {
            agents: Vec::new(),
            quorum: Quorum::AtLeast(1),
            timeout: none,
            fallback: Vec::new(),
            continue_on_fail: false,
        },
        roles: BTreeMap::new(),
        gates: Vec::new(),
        checks: Checks {
            protect: Vec::new(),
            on_change: OnCheckChange::Allow,
            roles: Vec::new(),
            tolerate_red: true,
        },
        agents: Vec::new(),
        repositories: BTreeMap::new(),
        worktrees: Worktrees {
            dir: None,
            setup: Vec::new(),
            setup_timeout: none,
            submodules_may_move: true,
            copy: Vec::new(),
        },
        ui: Ui {
            theme: String::new(),
            ascii: true,
            mouse: false,
            bell: false,
            clipboard: Clipboard::Allow,
            leave_key: String::new(),
            history_bytes: 0,
        },
        keys: BTreeMap::new(),
        recording: Recording { limit_bytes: 0 },
    }
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

fn value<T>(placed: Placed<T>) -> T {
    placed.value
}

fn values<T>(list: Vec<Placed<T>>) -> Vec<T> {
    list.into_iter().map(value).collect()
}

fn refer(references: &mut BTreeMap<String, Placed<String>>, name: Placed<String>) {
    let key = name.place.key.clone();
    if name.value.is_empty() { drop(references.remove(&key)) } else { drop(references.insert(key, name)) }
}

fn seconds(section: &mut Section<'_, '_, '_>, key: &'static str, least: f64) -> Option<Duration> {
    section.number(key, least..=A_YEAR_IN_SECONDS).map(Duration::from_secs_f64)
}

fn minutes(section: &mut Section<'_, '_, '_>, key: &'static str) -> Option<Duration> {
    section.number(key, 0.01..=A_YEAR_IN_MINUTES).map(|minutes| Duration::from_secs_f64(minutes * 60.0))
}

/// Names end up in paths and branches, so they are plain.
fn check_name(section: &Section<'_, '_, '_>, name: &Placed<String>, what: &str) {
    if !is_name(&name.value) {
        let message = format!("{what} names have {NAME_RULE}");
        section.report(name.place.problem(message, None));
    }
}

/// Whether a path could name something outside the repository.
fn leaves_the_top(path: &str) -> bool {
    path.starts_with(['/', '~']) || path.split('/').any(|part| part == "..")
}
