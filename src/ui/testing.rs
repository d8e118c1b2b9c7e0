//! A realistic run, panes with something on them, and a screen to press keys on: for tests alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use super::{AgentFound, Input, Panes, Request, Settings, Ui, Welcome, World};
use crate::model::event::Change;
use crate::model::finding::{Finding, FindingState, Severity};
use crate::model::snapshot::*;
use crate::model::*;
use crate::term::{Colours, Emulator};

/// Now, in every test.
pub const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn ago(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 - seconds * 1000)
}

/// Terminals by session.
#[derive(Default)]
pub struct TestPanes {
    panes: BTreeMap<SessionId, Arc<Mutex<Emulator>>>,
    actions: BTreeMap<SessionId, String>,
}

impl TestPanes {
    pub fn put(&mut self, id: &str, cols: u16, rows: u16, bytes: &str) {
        let mut emulator = Emulator::new(cols, rows, Colours::default());
        emulator.feed(bytes.as_bytes());
        self.panes.insert(id.into(), Arc::new(Mutex::new(emulator)));
    }

    fn act(&mut self, id: &str, action: &str) {
        self.actions.insert(id.into(), action.to_owned());
    }
}

impl Panes for TestPanes {
    fn pane(&self, id: &SessionId) -> Option<Arc<Mutex<Emulator>>> {
        self.panes.get(id).cloned()
    }

    fn last_action(&self, id: &SessionId) -> Option<String> {
        self.actions.get(id).cloned()
    }
}

/// A screen with a world, to press keys on.
pub struct Bench {
    pub ui: Ui,
    pub snapshot: Snapshot,
    pub panes: TestPanes,
    pub welcome: Welcome,
    pub now: Timestamp,
    pub size: (u16, u16),
}

impl Bench {
    pub fn new(snapshot: Snapshot) -> Self {
        let settings = Settings { bell: true, mouse: true, ..Settings::default() };
        let mut bench = Bench {
            ui: Ui::new(settings),
            snapshot,
            panes: panes(),
            welcome: welcome(),
            now: NOW,
            size: (120, 36),
        };
        bench.draw();
        bench.observe();
        bench.draw();
        bench
    }

    pub fn sized(snapshot: Snapshot, cols: u16, rows: u16) -> Self {
        let mut bench = Self::new(snapshot);
        bench.size = (cols, rows);
        bench.draw();
        bench
    }

    pub fn with<T>(&mut self, act: impl FnOnce(&mut Ui, &World<'_>) -> T) -> T {
        let world = World {
            snapshot: &self.snapshot,
            panes: &self.panes,
            now: self.now,
            clock: "14:02",
            welcome: &self.welcome,
            clients: 1,
            mistake: None,
        };
        act(&mut self.ui, &world)
    }

    pub fn observe(&mut self) -> Vec<Request> {
        self.with(|ui, world| ui.observe(world))
    }

    /// Presses keys, written as in the configuration, and draws after each.
    pub fn press(&mut self, keys: &str) -> Vec<Request> {
        let mut requests = Vec::new();
        for key in keys.split(' ') {
            requests.extend(self.input(Input::Key(key_event(key))));
        }
        requests
    }

    pub fn type_text(&mut self, text: &str) -> Vec<Request> {
        let key = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        text.chars().flat_map(|c| self.input(Input::Key(key(c)))).collect()
    }

    pub fn input(&mut self, input: Input) -> Vec<Request> {
        let requests = self.with(|ui, world| ui.handle(input, world));
        self.draw();
        requests
    }

    pub fn draw(&mut self) -> Buffer {
        let (cols, rows) = self.size;
        let mut terminal = Terminal::new(TestBackend::new(cols, rows)).unwrap();
        self.with(|ui, world| terminal.draw(|frame| ui.draw(frame, world)).map(|_| ())).unwrap();
        // Terminals get the size that they were drawn at, as the server sees to.
        for (id, cols, rows) in self.ui.pane_sizes() {
            if let Some(pane) = self.panes.pane(&id) {
                let mut pane = pane.lock().unwrap();
                if pane.size() != (cols, rows) {
                    pane.resize(cols, rows);
                }
            }
        }
        self.with(|ui, world| terminal.draw(|frame| ui.draw(frame, world)).map(|_| ())).unwrap();
        terminal.backend().buffer().clone()
    }

    pub fn text(&mut self) -> String {
        plain(&self.draw()).join("\n")
    }
}

/// A key as it is written in a configuration.
pub fn key_event(text: &str) -> KeyEvent {
    let mut modifiers = KeyModifiers::NONE;
    let mut rest = text;
    for (name, modifier) in
        [("ctrl-", KeyModifiers::CONTROL), ("alt-", KeyModifiers::ALT), ("shift-", KeyModifiers::SHIFT)]
    {
        if let Some(tail) = rest.strip_prefix(name) {
            modifiers |= modifier;
            rest = tail;
        }
    }
    let code = match rest {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" if modifiers == KeyModifiers::SHIFT => KeyCode::BackTab,
        "tab" => KeyCode::Tab,
        "space" => KeyCode::Char(' '),
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "pageup" => KeyCode::PageUp,
        "pagedown" => KeyCode::PageDown,
        "backspace" => KeyCode::Backspace,
        other => KeyCode::Char(other.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}

/// The rows of a buffer as text.
pub fn plain(buf: &Buffer) -> Vec<String> {
    let width = usize::from(buf.area().width).max(1);
    buf.content().chunks(width).map(|row| row.iter().map(|cell| cell.symbol()).collect()).collect()
}

/// Text and styles: after each row that has any, its styles as a row of letters, explained at the end.
pub fn styled(buf: &Buffer) -> String {
    let width = usize::from(buf.area().width).max(1);
    let mut legend: Vec<String> = Vec::new();
    let mut out = String::new();
    let mut styles = String::new();
    for row in buf.content().chunks(width) {
        let mut text = String::new();
        let mut covered = 0;
        for cell in row {
            if covered == 0 {
                text.push_str(cell.symbol());
                covered = super::text::width(cell.symbol());
            }
            covered = covered.saturating_sub(1);
        }
        let _ = writeln!(out, "{}", text.trim_end());
        let letters: String = row.iter().map(|cell| letter(cell.style(), &mut legend)).collect();
        let _ = writeln!(styles, "{}", letters.trim_end_matches('.'));
    }
    let _ = writeln!(out, "---");
    out.push_str(&styles);
    let _ = writeln!(out, "---");
    for (at, name) in legend.iter().enumerate() {
        let _ = writeln!(out, "{} {name}", LETTERS[at % LETTERS.len()]);
    }
    out
}

const LETTERS: [char; 52] = {
    let mut letters = ['a'; 52];
    let mut at = 0;
    while at < 26 {
        letters[at] = (b'a' + at as u8) as char;
        letters[at + 26] = (b'A' + at as u8) as char;
        at += 1;
    }
    letters
};

fn letter(style: Style, legend: &mut Vec<String>) -> char {
    let fg = style.fg.unwrap_or(Color::Reset);
    let bg = style.bg.unwrap_or(Color::Reset);
    if (fg, bg, style.add_modifier) == (Color::Reset, Color::Reset, Modifier::empty()) {
        return '.';
    }
    let name = format!("{fg:?} on {bg:?} {:?}", style.add_modifier);
    let at = legend.iter().position(|known| *known == name).unwrap_or_else(|| {
        legend.push(name);
        legend.len() - 1
    });
    LETTERS[at % LETTERS.len()]
}

/// A buffer as a terminal would be told of it.
pub fn ansi(buf: &Buffer) -> String {
    let colour = |c: Color, base: u8| match c {
        Color::Reset => (base + 9).to_string(),
        Color::Rgb(r, g, b) => format!("{};2;{r};{g};{b}", base + 8),
        Color::Indexed(i) => format!("{};5;{i}", base + 8),
        other => {
            let all = [
                Color::Black,
                Color::Red,
                Color::Green,
                Color::Yellow,
                Color::Blue,
                Color::Magenta,
                Color::Cyan,
                Color::Gray,
                Color::DarkGray,
                Color::LightRed,
                Color::LightGreen,
                Color::LightYellow,
                Color::LightBlue,
                Color::LightMagenta,
                Color::LightCyan,
                Color::White,
            ];
            format!("{};5;{}", base + 8, all.iter().position(|known| *known == other).unwrap_or(7))
        }
    };
    let mut out = String::from("\x1b[2J\x1b[H\x1b[?25l");
    for (y, row) in buf.content().chunks(usize::from(buf.area().width).max(1)).enumerate() {
        let _ = write!(out, "\x1b[{};1H", y + 1);
        let mut skip = 0;
        for cell in row {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            skip = super::text::width(cell.symbol()).saturating_sub(1);
            let _ = write!(out, "\x1b[0;{};{}", colour(cell.fg, 30), colour(cell.bg, 40));
            for (modifier, code) in [
                (Modifier::BOLD, 1),
                (Modifier::DIM, 2),
                (Modifier::ITALIC, 3),
                (Modifier::UNDERLINED, 4),
                (Modifier::REVERSED, 7),
            ] {
                if cell.modifier.contains(modifier) {
                    let _ = write!(out, ";{code}");
                }
            }
            let _ = write!(out, "m{}", cell.symbol());
        }
    }
    out.push_str("\x1b[0m");
    out
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
        usage: Usage { cost_micros: 4_200_000, input_tokens: 1_250_000, output_tokens: 45_000 },
        budget_micros: 20_000_000,
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
        gates: vec![gate("fmt", GateState::Passed), gate("clippy", GateState::Passed), gate("test", test)],
        reviews: vec![review("codex", voted), review("gemini", voted)],
        human: true,
        findings: Vec::new(),
        usage: if started {
            Usage { cost_micros: 1_120_000, input_tokens: 90_000, output_tokens: 4_000 }
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

fn panes() -> TestPanes {
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
    run.usage = Usage { cost_micros: 80_000, input_tokens: 40_000, output_tokens: 2_000 };
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
