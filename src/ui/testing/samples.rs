//! A realistic run: the one of the design's picture, its plan, its terminals.

use std::collections::BTreeMap;

use super::{NOW, TestPanes};
use crate::model::event::Change;
use crate::model::finding::{Finding, FindingState, Severity};
use crate::model::snapshot::*;
use crate::model::*;
use crate::ui::{AgentFound, Welcome};

fn ago(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 - seconds * 1000)
}

pub fn welcome() -> Welcome {
    let agent = |name: &str, version: Option<&str>, note: &str| AgentFound {
        name: name.to_owned(),
        version: version.map(str::to_owned),
        note: note.to_owned(),
    };
    Welcome {
        repository: Some("/home/ada/src/acme/api".to_owned()),
        problem: None,
        config: None,
        agents: vec![
            agent("claude", Some("2.1.4"), "logged in as ada@acme.example"),
            agent("codex", Some("0.61.0"), "not logged in: run `codex login`"),
        ],
    }
}

/// One line of the table that the busy run is made of.
struct Line(&'static str, &'static str, &'static str, u16, &'static [&'static str], Phase, u32);

const LINES: [Line; 12] = [
    Line("T12", "schema migration", "claude", 0, &[], Phase::Done, 2),
    Line("T14", "users endpoint", "claude", 1, &["T12"], Phase::Implementing, 3),
    Line("T17", "users e2e", "codex", 2, &["T14"], Phase::Blocked, 0),
    Line("T15", "rate limiter", "codex", 1, &["T12"], Phase::Implementing, 2),
    Line("T16", "audit log", "gemini", 1, &["T12"], Phase::Fixing, 1),
    Line("T20", "audit retention", "gemini", 2, &["T16", "T15"], Phase::Blocked, 0),
    Line("T18", "docs site", "claude", 0, &[], Phase::AwaitingHuman, 2),
    Line("T19", "cli --json", "claude", 0, &[], Phase::Reviewing, 1),
    Line("T09", "flaky retry test", "codex", 0, &[], Phase::Exhausted, 3),
    Line("T10", "enable in ci", "codex", 1, &["T09"], Phase::Blocked, 0),
    Line("T21", "ユーザー名の正規化", "gemini", 0, &[], Phase::Validating, 1),
    Line("T11", "error pages", "claude", 0, &[], Phase::Done, 1),
];

/// The run of the design's picture.
pub fn busy() -> Snapshot {
    let mut snapshot = Snapshot {
        resting: false,
        seq: 412,
        project: "acme/api".to_owned(),
        run: Some(run()),
        tasks: LINES.iter().map(task).collect(),
        attention: attention(),
        said: Vec::new(),
        unguarded: Vec::new(),
        sessions: sessions(),
        notices: vec![Notice {
            at: ago(90),
            bad: false,
            text: "recovered: 4 agents went on, none was lost".to_owned(),
        }],
    };
    let t14 = &mut snapshot.tasks[1];
    t14.explanation = Explanation {
        why: "claude asks for leave to run a command".to_owned(),
        rule: "an agent that is blocked on a permission waits for a person".to_owned(),
        source: "status protocol, 6m ago".to_owned(),
    };
    t14.refusals = BTreeMap::from([(Verb::Resume, "it is not paused".to_owned())]);
    t14.findings =
        vec![finding(1, FindingState::Raised), finding(2, FindingState::Fixed("8f2c1e990a".into()))];
    t14.acceptance =
        vec!["GET /v1/users answers 200 with a page".to_owned(), "a bad cursor answers 400".to_owned()];
    snapshot.tasks[8].refusals = BTreeMap::from([(Verb::Pause, "it is over".to_owned())]);
    snapshot
}

fn run() -> RunView {
    RunView {
        id: "20261121-1".into(),
        goal: "Users API with pagination, rate limits and an audit log".to_owned(),
        phase: RunPhase::Working,
        started: ago(2400),
        ended: None,
        branch: Some("main".to_owned()),
        integration: "loopmon/20261121-1".to_owned(),
        paused: false,
        landed: false,
        usage: Usage {
            cost_micros: 4_200_000,
            input_tokens: 1_250_000,
            output_tokens: 45_000,
            ..Usage::default()
        },
        budget_micros: 20_000_000,
        left_ms: None,
        critical: Vec::new(),
        proposal: None,
        plan_problems: Vec::new(),
        refusals: BTreeMap::from([
            (Verb::Land, "tasks are still being worked on".to_owned()),
            (Verb::UndoLand, "nothing was landed".to_owned()),
            (Verb::ResumeRun, "it is not paused".to_owned()),
        ]),
    }
}

fn task(line: &Line) -> TaskView {
    let Line(id, title, agent, depth, depends_on, phase, round) = *line;
    let started = round > 0;
    let gate = |name: &str, state| GateView {
        name: name.to_owned(),
        state,
        duration_ms: 1_234,
        tail: if state == GateState::Failed {
            "assertion failed: left == right".to_owned()
        } else {
            String::new()
        },
        session: None,
        reused_from: None,
        checks_of: None,
        failed_before: None,
    };
    let test = match phase {
        Phase::Exhausted => GateState::Failed,
        Phase::Done | Phase::AwaitingHuman | Phase::Reviewing => GateState::Passed,
        _ if started => GateState::Running,
        _ => GateState::Todo,
    };
    let review = |name: &str, vote: Option<Vote>| ReviewView {
        agent: name.into(),
        running: phase == Phase::Reviewing && vote.is_none(),
        vote,
        summary: String::new(),
    };
    let voted = matches!(phase, Phase::Done | Phase::AwaitingHuman).then_some(Vote::Approve);
    TaskView {
        id: id.into(),
        title: title.to_owned(),
        description: format!("Make {title} work."),
        acceptance: Vec::new(),
        role: Some("backend".to_owned()),
        agent: agent.into(),
        planned: Default::default(),
        pattern: Default::default(),
        depends_on: depends_on.iter().map(|id| TaskId::from(*id)).collect(),
        depth,
        phase,
        hold: None,
        since: ago(720),
        round,
        max_rounds: if phase == Phase::Exhausted { 3 } else { 8 },
        base: started.then(|| "8f2c1e990a".into()),
        tip: started.then(|| "77ab01cdef".into()),
        change: if started { Change { files: 7, added: 214, removed: 31 } } else { Change::default() },
        checks: Vec::new(),
        gates: vec![gate("fmt", GateState::Passed), gate("clippy", GateState::Passed), gate("test", test)],
        reviews: vec![review("codex", voted), review("gemini", voted)],
        human: true,
        findings: Vec::new(),
        usage: if started {
            Usage { cost_micros: 1_120_000, input_tokens: 90_000, output_tokens: 4_000, ..Usage::default() }
        } else {
            Usage::default()
        },
        explanation: Explanation { why: String::new(), rule: "rule".to_owned(), source: "log".to_owned() },
        refusals: BTreeMap::new(),
    }
}

fn finding(number: u32, state: FindingState) -> Finding {
    Finding {
        number,
        round: 2,
        source: "codex".to_owned(),
        severity: Severity::Major,
        file: "src/routes/users.rs".to_owned(),
        line: 41,
        description: "The cursor is not checked before it is decoded.".to_owned(),
        suggestion: "Answer 400 if it is not base64.".to_owned(),
        why: String::new(),
        state,
    }
}

fn attention() -> Vec<AttentionRow> {
    let row =
        |kind, task: &str, session: Option<&str>, source: &str, text: &str, age, unblocks, verbs: &[Verb]| {
            AttentionRow {
                kind,
                task: Some(task.into()),
                session: session.map(SessionId::from),
                effect: session.map(|_| EffectId(14)),
                source: source.to_owned(),
                text: text.to_owned(),
                since: ago(age),
                unblocks,
                verbs: verbs.to_vec(),
            }
        };
    let approve = [Verb::Approve, Verb::Reject];
    vec![
        row(
            AttentionKind::Approval,
            "T14",
            Some("r-14"),
            "claude",
            "run `sqlx migrate run` against dev db?",
            364,
            1,
            &approve,
        ),
        row(
            AttentionKind::Review,
            "T18",
            None,
            "review",
            "2/2 reviewers pass; gate \"human\" waits for you",
            121,
            0,
            &approve,
        ),
        row(
            AttentionKind::Stuck,
            "T09",
            None,
            "codex",
            "gate `cargo test` failed 3x (limit 3), loop paused",
            40,
            1,
            &[Verb::Retry, Verb::Approve],
        ),
    ]
}

fn sessions() -> Vec<SessionView> {
    let session = |effect: u64, name: &str, task: &str, step, state, age: i64, live: bool| SessionView {
        id: format!("r-{effect}").into(),
        effect: EffectId(effect),
        name: name.to_owned(),
        task: Some(task.into()),
        step,
        setup: false,
        round: LINES.iter().find(|line| line.0 == task).map_or(0, |line| line.6),
        slot: 0,
        status: AgentStatus { state, message: String::new(), source: StatusSource::Terminal },
        status_since: ago(age),
        stalled: false,
        paused: false,
        started: ago(1000 - i64::try_from(effect).unwrap()),
        ended: (!live).then(|| ago(60)),
        usage: Usage::default(),
        refusals: BTreeMap::new(),
    };
    let implement = Some(StepKind::Implement);
    vec![
        session(14, "claude", "T14", implement, AgentState::Blocked(BlockedKind::Permission), 364, true),
        session(15, "codex", "T15", implement, AgentState::Working, 64, true),
        session(16, "gemini", "T16", Some(StepKind::Fix), AgentState::Working, 12, true),
        session(19, "codex", "T19", Some(StepKind::Review), AgentState::Working, 31, true),
        session(20, "gemini", "T19", Some(StepKind::Review), AgentState::Unknown, 8, true),
        session(21, "test", "T21", None, AgentState::Unknown, 5, true),
        session(11, "claude", "T11", implement, AgentState::Done, 300, false),
    ]
}

pub fn panes() -> TestPanes {
    let mut panes = TestPanes::default();
    panes.put("r-14", 80, 20, AGENT);
    for id in ["r-15", "r-16", "r-19", "r-20", "r-21", "r-11"] {
        panes.put(id, 80, 20, "\x1b[32m●\x1b[0m Working on it…\r\n");
    }
    panes.act("r-15", "running cargo clippy");
    panes.act("r-16", "editing src/audit.rs");
    panes.act("r-19", "thinking");
    panes
}

const AGENT: &str = "\x1b[1m> Add GET /v1/users with cursor pagination.\x1b[0m\r\n\r\n\
\x1b[32m●\x1b[0m Read src/routes/mod.rs (142 lines)\r\n\
\x1b[32m●\x1b[0m Update src/routes/users.rs\r\n\
    \x1b[2m41\x1b[0m  \x1b[42;30m+ pub async fn list(State(db): State<Db>, Query(q): Query<Page>)\x1b[0m\r\n\
    \x1b[2m42\x1b[0m  \x1b[41;30m- todo!()\x1b[0m\r\n\
\x1b[36m●\x1b[0m ユーザー一覧 をページで返す\r\n\r\n\
  Do you want to proceed?\r\n\
  \x1b[34m› 1. Yes\x1b[0m\r\n\
    2. No, and tell Claude what to do differently (esc)\r\n";

/// A plan that waits.
pub fn proposed() -> Snapshot {
    let mut run = run();
    run.phase = RunPhase::Proposed;
    run.usage = Usage { cost_micros: 80_000, input_tokens: 40_000, output_tokens: 2_000, ..Usage::default() };
    run.proposal = Some(plan());
    let row = AttentionRow {
        kind: AttentionKind::Question,
        task: None,
        session: None,
        effect: None,
        source: "planner".to_owned(),
        text: "a plan of 4 tasks waits for your word".to_owned(),
        since: ago(20),
        unblocks: 4,
        verbs: vec![Verb::AcceptPlan, Verb::RejectPlan],
    };
    Snapshot { project: "acme/api".to_owned(), run: Some(run), attention: vec![row], ..Snapshot::default() }
}

pub fn plan() -> Plan {
    let task = |id: &str, title: &str, after: &[&str], agent: Option<&str>, human| PlanTask {
        id: id.into(),
        title: title.to_owned(),
        description: format!(
            "Do {title}. Keep to the style of what is there, and test what a user would miss."
        ),
        acceptance: vec!["the tests pass".to_owned(), "a bad cursor answers 400".to_owned()],
        depends_on: after.iter().map(|id| TaskId::from(*id)).collect(),
        role: Some("backend".to_owned()),
        agent: agent.map(AgentName::from),
        human,
        files: vec!["src/routes/users.rs".to_owned()],
        ..PlanTask::default()
    };
    Plan {
        goal: "Users API with pagination, rate limits and an audit log".to_owned(),
        tasks: vec![
            task("T1", "schema migration", &[], Some("claude"), true),
            task("T2", "users endpoint", &["T1"], None, false),
            task("T3", "rate limiter", &["T1"], Some("codex"), false),
            task("T4", "users end to end", &["T2", "T3"], None, false),
        ],
    }
}
