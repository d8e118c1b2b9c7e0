//! The project's settings, as the rest of the server uses them: turned into the engine's policy, the agents' profiles and
//! the screen's settings.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::ground;
use super::places::Places;
use super::settings::{self, Checked};
use crate::config::{self, Config, GateCommand, Problem, Problems};
use crate::git::Repository;
use crate::keymap::Keymap;
use crate::model::agent::{AgentKind, AgentMode, PromptBy};
use crate::model::policy::{Limits, Maker, Promotion, Retry, ReviewRules, Team};
use crate::model::{
    AfterFix, AgentName, AgentProfile, Checks, GateSpec, HumanGate, OnCheckChange, OnMax, Pattern, Policy,
    Price, Quorum, SetupLine,
};
use crate::protocol::client::Shows;
use crate::theme::Theme;
use crate::ui::{AgentFound, Settings, Welcome};
use crate::{learn, prompts, term};

/// Settings of a project, checked.
#[derive(Clone, Debug)]
pub struct Project {
    /// The engine's rules.
    pub policy: Policy,
    /// The agents.
    pub profiles: BTreeMap<AgentName, AgentProfile>,
    /// Those of them that may do anything.
    pub unguarded: Vec<AgentName>,
    /// What the person says that models' tokens cost.
    pub prices: BTreeMap<String, Price>,
    /// Bytes of recording that are kept for a session.
    pub recording_limit: u64,
    /// Lines that are run once in each new worktree.
    pub setup: Vec<SetupLine>,
    /// Whether the settings name other repositories than those that are worked on.
    pub other_ground: bool,
    /// Whether tasks may point submodules to other commits.
    pub moves_submodules: bool,
    /// Globs of files that are copied into each new worktree.
    pub copy: Vec<String>,
    /// The folder for worktrees, if it is not the usual one.
    pub worktrees: Option<PathBuf>,
    /// Every theme that there is.
    pub themes: Vec<Theme>,
    /// What is wrong with themes that are not in use.
    pub spare: Vec<Problem>,
    /// What the first screen tells.
    pub welcome: Arc<Welcome>,
    roles: BTreeMap<String, String>,
    theme: Theme,
    /// The theme that a person chose on the screen since.
    chosen: Option<String>,
    keymap: Keymap,
    ui: config::Ui,
}

fn price((model, price): (&String, &config::Price)) -> (String, Price) {
    (model.clone(), Price { input: price.input, cached: price.cached, output: price.output })
}

impl Project {
    /// Reads the settings; the error is everything that is wrong with them.
    pub fn load(places: &Places, repository: &Repository) -> Result<Project, Problems> {
        let checked = settings::of_project(places)?;
        let other_ground = ground::differs(repository, &checked);
        let Checked { config, keymap, theme, themes, spare } = checked;
        let found = learn::find_agents(&learn::Machine::current());
        let usable = usable_agents(&config, &found);
        let mut policy = policy(&config, &usable);
        policy.checks.protect = ground::in_each_member(repository, &policy.checks.protect);
        Ok(Project {
            policy,
            other_ground,
            profiles: config
                .agents
                .iter()
                .map(profile)
                .map(|profile| (profile.name.clone(), profile))
                .collect(),
            unguarded: config
                .agents
                .iter()
                .filter(|agent| agent.is_unguarded())
                .map(|agent| AgentName(agent.name.clone()))
                .collect(),
            prices: config.prices.iter().map(price).collect(),
            recording_limit: config.recording.limit_bytes,
            setup: setup(&config.worktrees),
            moves_submodules: config.worktrees.submodules_may_move,
            copy: config.worktrees.copy.clone(),
            worktrees: config.worktrees.dir.as_ref().map(PathBuf::from),
            themes,
            spare,
            welcome: Arc::new(welcome(places, repository, &config, &usable, &found)),
            roles: config.roles.iter().map(|(name, role)| (name.clone(), role.prompt.clone())).collect(),
            theme,
            chosen: None,
            keymap,
            ui: config.ui,
        })
    }

    /// The screen's settings for a terminal with those colours.
    pub fn settings(&self, shows: Shows) -> Settings {
        settings::screen(&self.ui, &self.keymap, &self.theme, shows)
    }

    /// Uses another theme.
    pub fn with_theme(&self, name: &str) -> Result<Project, String> {
        let theme = settings::theme(name)?;
        Ok(Project { theme, chosen: Some(name.to_owned()), ..self.clone() })
    }

    /// These settings after others: a theme that was chosen on the screen stays, unless the files now name another.
    pub fn following(self, before: &Project) -> Project {
        let chosen = before.chosen.as_ref().filter(|_| before.ui.theme == self.ui.theme);
        chosen.and_then(|name| self.with_theme(name).ok()).unwrap_or(self)
    }

    /// Whether the terminal's mouse is asked for.
    pub fn mouse(&self) -> bool {
        self.ui.mouse
    }

    /// Bytes of history that all panes may hold together.
    pub fn history_limit(&self) -> usize {
        usize::try_from(self.ui.history_bytes).unwrap_or(usize::MAX)
    }

    /// The colours that programs in panes are told.
    pub fn colours(&self) -> term::Colours {
        let usual = term::Colours::default();
        let [foreground, background] = self.theme.ground();
        term::Colours {
            foreground: foreground.unwrap_or(usual.foreground),
            background: background.unwrap_or(usual.background),
            ..usual
        }
    }

    /// The prompt of a role: the built-in one and what the project adds.
    pub fn role_prompt(&self, role: &str) -> Option<String> {
        let own = self.roles.get(role).filter(|text| !text.trim().is_empty());
        match (prompts::role(role), own) {
            (Some(built_in), Some(own)) => Some(format!("{built_in}\n\n{own}")),
            (Some(text), None) => Some(text.to_owned()),
            (None, own) => own.cloned(),
        }
    }
}

fn welcome(
    places: &Places,
    repository: &Repository,
    config: &Config,
    usable: &[AgentName],
    found: &[learn::FoundAgent],
) -> Welcome {
    let path = places.config();
    let named = config.agents.iter().filter(|agent| {
        usable.iter().any(|name| name.as_str() == agent.name)
            && !found.iter().any(|found| found.name == agent.name)
    });
    let named = named.map(|agent| AgentFound {
        name: agent.name.clone(),
        version: None,
        note: format!("as configured: {}", profile(agent).command.join(" ")),
    });
    Welcome {
        repository: Some(repository.root().display().to_string()),
        problem: usable.is_empty().then(|| "no agent can be asked, so no run can start".to_owned()),
        config: path.exists().then(|| "loopmon.toml".to_owned()),
        agents: found_agents(found).chain(named).collect(),
    }
}

/// Agents that were found on this machine, as the first screen tells them.
pub fn found_agents(found: &[learn::FoundAgent]) -> impl Iterator<Item = AgentFound> {
    found.iter().map(|agent| AgentFound {
        name: agent.name.to_owned(),
        version: agent.version.clone(),
        note: agent.path.display().to_string(),
    })
}

/// Agents that can be asked: whose program is a path, or was found.
fn usable_agents(config: &Config, found: &[learn::FoundAgent]) -> Vec<AgentName> {
    config
        .agents
        .iter()
        .filter(|agent| {
            let profile = profile(agent);
            let Some(program) = profile.command.first() else { return false };
            let on_path = || learn::Machine::current().find(program).is_some();
            found.iter().any(|found| found.name == agent.name) || program.contains(['/', '{']) || on_path()
        })
        .map(|agent| AgentName(agent.name.clone()))
        .collect()
}

fn policy(config: &Config, usable: &[AgentName]) -> Policy {
    let run = &config.run;
    Policy {
        team: team(config, usable),
        review: ReviewRules {
            fallback: config.review.fallback.iter().cloned().map(AgentName).collect(),
            continue_on_fail: config.review.continue_on_fail,
        },
        limits: limits(config),
        pattern: match run.pattern {
            config::Pattern::Workflow => Pattern::Workflow,
            config::Pattern::Inline => Pattern::Inline,
            config::Pattern::Pair => Pattern::Pair,
            config::Pattern::Standing => Pattern::Standing,
            config::Pattern::Promote => Pattern::Promote,
            config::Pattern::Trio => Pattern::Trio,
        },
        foresee: run.foresee,
        heed_edits: true,
        rank_by_time: true,
        promotion: Promotion {
            recurring: config.promotion.recurring,
            alike: config.promotion.alike,
            roles: config.promotion.roles.clone(),
            spot_check: config.promotion.spot_check,
            drift_round: config.promotion.drift_round,
        },
        gates: config.gates.iter().map(gate).collect(),
        parallel: run.parallel,
        max_rounds: run.max_rounds,
        on_max: match run.on_max {
            config::OnMax::ReturnLast => OnMax::ReturnLast,
            config::OnMax::Fail => OnMax::Fail,
            config::OnMax::Escalate => OnMax::Escalate,
        },
        after_fix: match run.after_fix {
            config::AfterFix::Validate => AfterFix::Validate,
            config::AfterFix::Implement => AfterFix::Implement,
        },
        quorum: match config.review.quorum {
            config::Quorum::All => Quorum::All,
            config::Quorum::AtLeast(count) => Quorum::AtLeast(count),
        },
        human_gate: match run.human_gate {
            config::HumanGate::Never => HumanGate::Never,
            config::HumanGate::Always => HumanGate::Always,
            config::HumanGate::Marked => HumanGate::Marked,
        },
        retry: retry(config),
        budget_micros: run.budget_usd.map_or(0, micros),
        checks: Checks {
            protect: config.checks.protect.clone(),
            on_change: match config.checks.on_change {
                config::OnCheckChange::Person => OnCheckChange::Person,
                config::OnCheckChange::Reject => OnCheckChange::Reject,
                config::OnCheckChange::Allow => OnCheckChange::Allow,
            },
            roles: config.checks.roles.clone(),
            tolerate_red: config.checks.tolerate_red,
        },
    }
}

/// Who there is, and who does what.
fn team(config: &Config, usable: &[AgentName]) -> Team {
    let first = usable.first().cloned().unwrap_or_default();
    let named = |name: &Option<String>| name.clone().map(AgentName).unwrap_or_else(|| first.clone());
    let reviewers: Vec<AgentName> = if config.review.agents.is_empty() {
        usable.iter().chain(usable.first()).take(2).cloned().collect()
    } else {
        config.review.agents.iter().cloned().map(AgentName).collect()
    };
    let roles = config.roles.iter();
    Team {
        known: config
            .agents
            .iter()
            .map(|agent| AgentName(agent.name.clone()))
            .filter(|name| usable.contains(name))
            .collect(),
        planner: named(&config.defaults.planner),
        implementer: named(&config.defaults.implementer),
        reviewers,
        roles: roles
            .clone()
            .filter_map(|(name, role)| Some((name.clone(), AgentName(role.agent.clone()?))))
            .collect(),
        makers: config.agents.iter().map(maker).collect(),
        choose_reviewers: config.review.agents.is_empty(),
        role_places: roles.filter_map(|(name, role)| Some((name.clone(), role.parallel?))).collect(),
        agent_places: config
            .agents
            .iter()
            .filter_map(|agent| Some((AgentName(agent.name.clone()), agent.parallel?)))
            .collect(),
    }
}

fn retry(config: &Config) -> Retry {
    let run = &config.run;
    Retry {
        attempts: run.attempts,
        corrections: run.corrections,
        backoff_ms: millis(run.backoff),
        backoff_cap_ms: millis(run.backoff_cap),
        idle_ms: millis(run.idle),
        step_timeout_ms: millis(run.step_timeout),
        review_timeout_ms: millis(config.review.timeout),
        same_failure: run.same_failure,
    }
}

/// Who is behind an agent: of a program that nobody knows, itself.
fn maker(agent: &config::Agent) -> (AgentName, Maker) {
    let provider = match agent.kind {
        config::AgentKind::Command => agent.name.clone(),
        config::AgentKind::Claude => "claude".to_owned(),
        config::AgentKind::Codex => "codex".to_owned(),
        config::AgentKind::Gemini => "gemini".to_owned(),
        config::AgentKind::Opencode => "opencode".to_owned(),
    };
    (AgentName(agent.name.clone()), Maker { provider, model: agent.model.clone().unwrap_or_default() })
}

fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    let roles = config.roles.iter();
    Limits {
        run_tokens: u64::from(limits.tokens),
        run_ms: millis(limits.time),
        task_micros: micros(limits.task_usd),
        task_tokens: u64::from(limits.task_tokens),
        task_ms: millis(limits.task_time),
        roles: roles.filter_map(|(name, role)| Some((name.clone(), micros(role.budget_usd?)))).collect(),
    }
}

/// Dollars as micro-dollars; negative ones and nonsense are none.
pub fn micros(dollars: f64) -> u64 {
    if !dollars.is_finite() || dollars <= 0.0 {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
    let micros = (dollars * 1_000_000.0).round().min(1e15) as u64;
    micros
}

fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn gate(gate: &config::Gate) -> GateSpec {
    GateSpec {
        name: gate.name.clone(),
        argv: match &gate.command {
            GateCommand::Shell(line) => vec!["sh".to_owned(), "-c".to_owned(), line.clone()],
            GateCommand::Argv(argv) => argv.clone(),
        },
        cwd: match &gate.repository {
            Some(repository) => below(repository, &gate.cwd),
            None => gate.cwd.clone(),
        },
        timeout_ms: millis(gate.timeout),
        parallel: gate.parallel,
        on_request: gate.on_request,
        always: gate.always,
        repository: gate.repository.clone(),
    }
}

/// A path inside a folder, without parts that lead nowhere.
fn below(folder: &str, path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    std::iter::once(folder).chain(parts).collect::<Vec<_>>().join("/")
}

fn setup(worktrees: &config::Worktrees) -> Vec<SetupLine> {
    let timeout_ms = millis(worktrees.setup_timeout);
    let lines = worktrees.setup.iter();
    lines.map(|line| SetupLine { line: line.clone(), timeout_ms }).collect()
}

/// How an agent of the configuration is run.
pub fn profile(agent: &config::Agent) -> AgentProfile {
    let texts = |templates: &[config::Template]| {
        templates.iter().map(|text| text.source().to_owned()).collect::<Vec<_>>()
    };
    AgentProfile {
        name: AgentName(agent.name.clone()),
        kind: match agent.kind {
            config::AgentKind::Command => AgentKind::Command,
            config::AgentKind::Claude => AgentKind::Claude,
            config::AgentKind::Codex => AgentKind::Codex,
            config::AgentKind::Gemini => AgentKind::Gemini,
            config::AgentKind::Opencode => AgentKind::Opencode,
        },
        command: texts(&agent.command),
        prompt: match agent.prompt {
            config::PromptDelivery::Stdin => PromptBy::Stdin,
            config::PromptDelivery::Argument => PromptBy::Argument,
            config::PromptDelivery::File => PromptBy::File,
            config::PromptDelivery::Paste => PromptBy::Paste,
        },
        mode: match agent.mode {
            config::Mode::Headless => AgentMode::Headless,
            config::Mode::Interactive => AgentMode::Interactive,
        },
        model: agent.model.clone(),
        effort: agent.effort.clone(),
        permission: agent.permission.clone(),
        asks: agent.asks,
        reviews_blind: agent.review_tools == config::ReviewTools::None,
        extra_args: texts(&agent.extra_args),
        resume_args: texts(&agent.resume_args),
        env_allow: agent.env.clone(),
        env_set: agent.set.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        approve_keys: agent.approve_keys.clone(),
        deny_keys: agent.deny_keys.clone(),
        interrupt_keys: agent.interrupt_keys.clone(),
    }
}
