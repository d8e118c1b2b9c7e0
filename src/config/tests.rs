//! Tests of the configuration and plan files: defaults, layers, and one mistake at a time.

use std::time::Duration;

use proptest::prelude::*;

use super::plan::{Format, Plan, PlanTask, import, parse, to_toml};
use super::*;

/// The example with its commented keys taken in.
fn whole_example() -> String {
    EXAMPLE.lines().map(|line| line.strip_prefix("#:").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

fn valid(text: &str) -> Config {
    validate(text, "loopmon.toml").unwrap_or_else(|problems| panic!("{problems}"))
}

/// The problems of a text, as people see them.
fn problems(text: &str) -> Vec<String> {
    match validate(text, "loopmon.toml") {
        Ok(_) => Vec::new(),
        Err(problems) => problems.list.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_example_is_the_defaults() {
    assert_eq!(valid(EXAMPLE), valid(""));
    let config = valid("");
    assert_eq!((config.run.parallel, config.run.max_rounds, config.run.on_max), (4, 3, OnMax::ReturnLast));
    assert_eq!(config.run.idle, Duration::from_secs(300));
    assert_eq!(config.run.budget_usd, None);
    assert_eq!((config.review.quorum, config.review.timeout), (Quorum::All, Duration::from_secs(1800)));
    assert_eq!(config.recording.limit_bytes, 64 << 20);
    let claude = config.agent("claude").unwrap();
    assert_eq!((claude.kind, claude.permission.as_deref()), (AgentKind::Claude, Some("acceptEdits")));
    let names: Vec<_> = config.agents.iter().map(|agent| agent.name.as_str()).collect();
    assert_eq!(names, ["claude", "codex", "gemini", "opencode"], "in order of preference");
}

#[test]
fn arguments_for_going_on_that_nothing_would_take_are_refused() {
    let agent = |kind: &str, keys: &str| {
        let text =
            format!("[agents.x]\nkind = \"{kind}\"\ncommand = [\"x\"]\nresume_args = [\"--go-on\"]\n{keys}");
        problems(&text).join("\n")
    };
    for kind in ["codex", "gemini", "opencode"] {
        let told = agent(kind, "asks = true");
        assert!(told.contains("loopmon.toml:1") && told.contains("`resume_args` does nothing"), "{told}");
        assert!(told.contains("leave `resume_args` out"), "{told}");
        assert_eq!(agent(kind, ""), "");
    }
    assert_eq!(agent("claude", "asks = true"), "");
    assert!(agent("claude", "mode = \"interactive\"").contains("`resume_args` does nothing"));
    assert_eq!(agent("command", "mode = \"interactive\""), "");
}

#[test]
fn every_key_is_documented_and_every_documented_key_exists() {
    let example = whole_example();
    valid(&example);
    let mut draft = apply::Draft::default();
    draft.apply(&Source { file: "example", text: &example });
    let mut missing = Vec::new();
    for key in &draft.known {
        let leaf = key.rsplit('.').next().unwrap();
        let is_written = |line: &str| {
            line.starts_with(&format!("{leaf} = ")) || line.starts_with('[') && line.contains(leaf)
        };
        if leaf != "*" && !example.lines().any(is_written) {
            missing.push(key);
        }
    }
    assert!(missing.is_empty(), "not in config.example.toml: {missing:?}");
}

#[test]
fn every_default_is_written_in_the_example() {
    // Whatever the example left out would keep the value that no default has.
    let shown = format!("{:?}", valid(""));
    for blank in [
        "parallel: 0",
        "max_rounds: 0",
        "attempts: 0",
        "Some(0.0)",
        "ascii: true",
        "timeout: 0ns",
        "Some(0)",
        "history_bytes: 0",
    ] {
        assert!(!shown.contains(blank), "{blank} in {shown}");
    }
}

#[test]
fn an_agent_of_a_known_kind_starts_from_the_built_in_one() {
    let config = valid("[agents.opus]\nkind = 'claude'\nmodel = 'opus'");
    let names: Vec<_> = config.agents.iter().map(|agent| agent.name.as_str()).collect();
    assert_eq!(names, ["opus", "claude", "codex", "gemini", "opencode"]);
    let mut claude = config.agent("claude").unwrap().clone();
    claude.name = "opus".into();
    claude.model = Some("opus".into());
    assert_eq!(config.agent("opus").unwrap(), &claude);
}

#[test]
fn the_project_wins_over_the_user_key_by_key() {
    let user = "[run]\nparallel = 2\nmax_rounds = 5\n[agents.mine]\ncommand = ['one']\nmodel = 'a'\n[agents.claude]\nmodel = 'm'\n[[gates]]\nname = 'u'\ncommand = 'true'\n[keys]\nquit = 'x'\nhelp = 'h'";
    let project = "[run]\nparallel = 8\n[agents.mine]\nmodel = 'b'\n[[gates]]\nname = 'p'\ncommand = ['make', 'check']\n[keys]\nquit = ['q', 'z']\n[defaults]\nimplementer = 'mine'";
    let user = Source { file: "user", text: user };
    let project = Source { file: "project", text: project };
    let config = Reading::of(&[user, project]).finish().unwrap();
    assert_eq!((config.run.parallel, config.run.max_rounds), (8, 5));
    let names: Vec<_> = config.agents.iter().map(|agent| agent.name.as_str()).collect();
    assert_eq!(names, ["mine", "claude", "codex", "gemini", "opencode"]);
    let mine = config.agent("mine").unwrap();
    assert_eq!((mine.command.len(), mine.model.as_deref()), (1, Some("b")));
    assert_eq!(config.gates.len(), 1);
    assert_eq!(config.gates[0].command, GateCommand::Argv(vec!["make".into(), "check".into()]));
    assert_eq!(config.keys["quit"], ["q", "z"]);
    assert_eq!(config.keys["help"], ["h"]);
    assert_eq!(config.defaults.implementer.as_deref(), Some("mine"));
    let wrong = Source { file: "user", text: "[defaults]\nplanner = 'nobody'" };
    let error = Reading::of(&[wrong, project]).finish().unwrap_err().to_string();
    assert!(error.starts_with("user:2:11: defaults.planner: there is no agent \"nobody\""), "{error}");
    let healed = Source { file: "project", text: "[defaults]\nplanner = ''" };
    assert_eq!(Reading::of(&[wrong, healed]).finish().unwrap().defaults.planner, None);
}

#[test]
fn each_mistake_is_told_with_place_and_remedy() {
    let cases = [
        ("[run]\nparalel = 2", "loopmon.toml:2:1: run.paralel: unknown key (did you mean `parallel`?)"),
        ("[rnu]\n", "loopmon.toml:1:2: rnu: unknown key (did you mean `run`?)"),
        (
            "[run]\nparallel = 0",
            "loopmon.toml:2:12: run.parallel: expected a whole number from 1 to 64, found 0",
        ),
        (
            "[run]\n  parallel = \"4\"",
            "loopmon.toml:2:14: run.parallel: expected a whole number from 1 to 64, found \"4\"",
        ),
        (
            "[run]\non_max = 'fial'",
            "loopmon.toml:2:10: run.on_max: \"fial\" is not one of \"return-last\", \"fail\", \"escalate\" (did you mean `fail`?)",
        ),
        (
            "[run]\nbudget_usd = -1",
            "loopmon.toml:2:14: run.budget_usd: expected a number from 0 to 1000000, found -1",
        ),
        (
            "[run]\nidle_seconds = nan",
            "loopmon.toml:2:16: run.idle_seconds: expected a number from 1 to 31622400, found nan",
        ),
        ("[review]\nquorum = 3", "loopmon.toml:2:10: review.quorum: 3 approvals are wanted of 2 reviewers"),
        (
            "[review]\nquorum = 'most'",
            "loopmon.toml:2:10: review.quorum: expected \"all\" or a number from 1 to 9",
        ),
        (
            "[review]\nagents = ['claude', 'claud']",
            "loopmon.toml:2:21: review.agents: there is no agent \"claud\" (did you mean `claude`?)",
        ),
        (
            "[roles.db]\nagent = 'x'",
            "loopmon.toml:2:9: roles.db.agent: there is no agent \"x\" (there are \"claude\", \"codex\", \"gemini\", \"opencode\")",
        ),
        (
            "[[gates]]\nname = 'a'\ncommand = 'x'\n[[gates]]\nname = 'a'\ncommand = 'y'",
            "loopmon.toml:4:1: gates: there is another gate of the name \"a\" (each gate has a name of its own)",
        ),
        ("[[gates]]\nname = 'a'", "loopmon.toml:1:1: gates: this gate has no `command`"),
        ("[[gates]]\nname = 'a'\ncommand = ' '", "loopmon.toml:1:1: gates: the command is empty"),
        (
            "[[gates]]\nname = 'a'\ncommand = 'x'\ncwd = '../up'",
            "loopmon.toml:4:7: gates.cwd: must be relative to the top of the repository",
        ),
        (
            "[gates]\nname = 'a'",
            "loopmon.toml:1:1: gates: expected a list of tables, [[gates]], found a table",
        ),
        (
            "[agents.a]\ncommand = ['x', '{promt_file}']",
            "loopmon.toml:2:17: agents.a.command: unknown placeholder {promt_file} (did you mean `prompt_file`?)",
        ),
        (
            "[agents.a]\nmodel = 'x'",
            "loopmon.toml:1:9: agents.a: this agent has no `command` (command = [\"program\", \"argument\", …])",
        ),
        (
            "[agents.a]\ncommand = ['x']\nprompt = 'paste'",
            "loopmon.toml:1:9: agents.a: a headless agent has no terminal to paste into (mode = \"interactive\")",
        ),
        (
            "[agents.claude]\nmode = 'interactive'\nprompt = 'stdin'",
            "loopmon.toml:1:9: agents.claude: agents of this kind get their prompt as they want it (leave `prompt` out)",
        ),
        (
            "[agents.claude]\npermission = 'bypassPermissions'",
            "loopmon.toml:1:9: agents.claude: permission = \"bypassPermissions\" lets the agent do anything that you can do (if that is what you want, say `unsafe = true` here)",
        ),
        (
            "[agents.'a b']\ncommand = ['x']",
            "loopmon.toml:1:9: agents.a b: agent names have letters, digits, `-`, `_` and `.` only, at most 40, and no `..`, `.` or `.lock` at the end",
        ),
        (
            "[agents.a]\ncommand = ['x']\nenv = ['A=B']",
            "loopmon.toml:3:8: agents.a.env: not a name of an environment variable",
        ),
        (
            "[agents.a]\ncommand = ['x']\nset = { A = 1 }",
            "loopmon.toml:3:9: agents.a.set.A: expected a string",
        ),
        (
            "[worktrees]\ncopy = ['/etc/passwd']",
            "loopmon.toml:2:9: worktrees.copy: must be relative to the top of the repository",
        ),
        ("[keys]\nquit = 3", "loopmon.toml:2:1: keys.quit: expected a string or a list of strings"),
        ("run = 3", "loopmon.toml:1:7: run: expected a table, found 3"),
        ("[ui]\ntheme = 'ü' oops", "loopmon.toml:2:13: unexpected key or value, expected newline, `#`"),
    ];
    for (text, expected) in cases {
        let found = problems(text);
        assert_eq!(found.first().map(String::as_str), Some(expected), "of {text:?}, all: {found:#?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let found = problems("[run]\nparalel = 2\nattempts = 'x'\n[ui]\ncolour = 1\n[defaults]\nplanner = 'x'");
    assert_eq!(found.len(), 4, "{found:#?}");
}

#[test]
fn unsafe_arguments_need_the_word() {
    let text = "[agents.a]\ncommand = ['codex', '--yolo']";
    assert_eq!(problems(text).len(), 1);
    assert!(problems(&format!("{text}\nunsafe = true")).is_empty());
}

#[test]
fn names_that_others_know_are_reported_at_their_place_among_the_other_mistakes() {
    let user = Source { file: "user", text: "[keys]\nhelp = 'h'\nzoom = 'z'\n[ui]\ntheme = 'nord'" };
    let text = "[keys]\nhelp = ['a',\n  'b']\n[ui]\nleave_key = 'x'\ncolour = 1";
    let mut reading = Reading::of(&[user, Source { file: "project", text }]);
    assert_eq!(reading.line(Spot::Key("help", 1)), Some(("project", 3)));
    assert_eq!(reading.line(Spot::Action("up")), None);
    reading.report(Spot::LeaveKey, "leave", None);
    reading.report(Spot::Key("help", 1), "second", Some("hint".to_owned()));
    reading.report(Spot::Action("help"), "first", None);
    reading.add(Problem::whole_file("theme", "elsewhere".to_owned()));
    reading.report(Spot::Action("zoom"), "the user's", None);
    reading.report(Spot::Theme, "theme", None);
    let told: Vec<String> = reading.finish().unwrap_err().list.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "user:3:1: keys.zoom: the user's",
            "user:5:9: ui.theme: theme",
            "project:2:1: keys.help: first",
            "project:3:3: keys.help: second (hint)",
            "project:5:13: ui.leave_key: leave",
            "project:6:1: ui.colour: unknown key (known here: ascii, bell, clipboard, history_mib, leave_key, mouse, theme)",
            "theme:1:1: elsewhere",
        ]
    );
}

#[test]
fn environment_names_may_end_in_a_star() {
    let config = valid("[agents.a]\ncommand = ['x']\nenv = ['FOO', 'BAR_*']");
    let agent = config.agent("a").unwrap();
    let passed = ["FOO", "FOOD", "BAR_X", "BAR"].map(|name| agent.passes_env(name));
    assert_eq!(passed, [true, false, true, false]);
}

#[test]
fn templates_fill_in_placeholders_and_keep_other_braces() {
    let render = |text: &str| {
        let template = Template::parse(text).unwrap();
        template.render(|placeholder| match placeholder {
            Placeholder::Prompt => "{task} $(x)",
            Placeholder::Task => "T1",
            _ => "?",
        })
    };
    assert_eq!(render("a {task}/{prompt} b"), "a T1/{task} $(x) b");
    assert_eq!(render(r#"{"a": {}}"#), r#"{"a": {}}"#);
    assert_eq!(render("{{task}} }} { {{x"), "{task} }} { {{x");
    assert_eq!(render(""), "");
    assert_eq!(Template::parse("x {wrong} y"), Err("wrong".to_owned()));
    assert!(Template::parse("-{model}").unwrap().uses(Placeholder::Model));
}

fn task(id: &str) -> PlanTask {
    PlanTask { id: id.into(), title: format!("Do {id}"), ..PlanTask::default() }
}

#[test]
fn a_plan_reads_the_same_from_toml_and_json() {
    let toml = "goal = 'g'\n[[tasks]]\nid = 'T1'\ntitle = 'Do T1'\n[[tasks]]\nid = 'T2'\ntitle = 'Do T2'\ndepends_on = ['T1']\nhuman = true";
    let json = r#"{"goal": "g", "tasks": [{"id": "T1", "title": "Do T1"},
        {"id": "T2", "title": "Do T2", "depends_on": ["T1"], "human": true}]}"#;
    let expected = Plan {
        goal: "g".into(),
        tasks: vec![task("T1"), PlanTask { depends_on: vec!["T1".into()], human: true, ..task("T2") }],
    };
    assert_eq!(parse(toml, Format::of(toml), "p").unwrap(), expected);
    assert_eq!(parse(json, Format::of(json), "p").unwrap(), expected);
}

#[test]
fn a_list_of_tasks_is_a_plan_and_gets_the_ids_that_it_lacks() {
    let list = r#"
        [{"title": "Do this"}, {"id": "T3", "title": "Do that"},
        {"title": "And that", "depends_on": ["T3"]}]"#;
    let read = import(list, Format::of(list), "p", &["T1".to_owned()].into()).unwrap();
    let ids: Vec<&str> = read.plan.tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!((ids, read.lines), (vec!["T2", "T3", "T4"], vec![2, 2, 3]));
    let error = parse(list, Format::of(list), "p").unwrap_err().to_string();
    assert!(error.contains("tasks.1.id: an id has letters"), "what is edited keeps its ids: {error}");
    for (name, text, format) in [
        ("a.md", "x", Format::Markdown),
        ("a.JSON", "x", Format::Json),
        ("-", "[[tasks]]\ntitle = '- [ ] x'", Format::Toml),
        ("-", "# a goal\n- [ ] x", Format::Markdown),
        ("plan", "[ {", Format::Json),
        ("plan", "[run]", Format::Toml),
    ] {
        assert_eq!(Format::of_file(name, text), format, "{name} {text}");
    }
}

#[test]
fn mistakes_in_a_plan_have_a_place() {
    let cases = [
        ("[[tasks]]\nid = 'a'\ntitel = 'x'", "p:3:1: titel: unknown key (did you mean `title`?)"),
        ("[[tasks]]\nid = 'a'\ntitle = 3", "p:3:9: invalid type: integer `3`, expected a string"),
        ("[[tasks]]\nid = 'a'", "p:1:1: missing field `title`"),
        (
            "[[tasks]]\nid = 'a b'\ntitle = 'x'",
            "p:2:6: tasks.1.id: an id has letters, digits, `-`, `_` and `.` only, at most 40, no dot at its end",
        ),
        (
            "[[tasks]]\nid = 'x..y'\ntitle = 'x'",
            "p:2:6: tasks.1.id: an id has letters, digits, `-`, `_` and `.` only, at most 40, no dot at its end",
        ),
        ("[[tasks]]\nid = 'a'\ntitle = \"x\\ny\"", "p:3:10: tasks.1.title: a title is one line"),
        ("goal = 'x'", "p:1:1: the plan has no tasks"),
        ("{\"tasks\": [\n{\"id\": 1}]}", "p:2:8: invalid type: integer `1`, expected a string"),
        (
            "{\"tasks\": [\n{\"id\": \"a\", \"tilte\": 1}]}",
            "p:2:19: tilte: unknown key (did you mean `title`?)",
        ),
        ("{\"tasks\": [", "p:1:11: EOF while parsing a list"),
    ];
    for (text, expected) in cases {
        let error = parse(text, Format::of(text), "p").unwrap_err();
        assert_eq!(error.list[0].to_string(), expected, "of {text:?}");
    }
}

#[test]
fn a_written_plan_is_pleasant_to_edit() {
    let mut plan = Plan { goal: "Make it so".into(), tasks: vec![task("T1"), task("T2")] };
    plan.tasks[0].description = "First this.\nThen that, \"quoted\".\n".into();
    plan.tasks[1].depends_on = vec!["T1".into()];
    plan.tasks[1].acceptance =
        vec!["the tests of the parser pass on all inputs".into(), "nothing else changed here".into()];
    plan.tasks[1].human = true;
    let text = to_toml(&plan);
    let body = text.split_once("\n\n").unwrap().1;
    let expected = "goal = \"Make it so\"\n\n[[tasks]]\nid = \"T1\"\ntitle = \"Do T1\"\ndescription = \"\"\"\nFirst this.\nThen that, \"quoted\".\n\"\"\"\n\n[[tasks]]\nid = \"T2\"\ntitle = \"Do T2\"\nacceptance = [\"the tests of the parser pass on all inputs\", \"nothing else changed here\"]\ndepends_on = [\"T1\"]\nhuman = true\n";
    assert_eq!(body, expected);
    assert_eq!(parse(&text, Format::Toml, "p").unwrap(), plan);
}

proptest! {
    #[test]
    fn any_plan_survives_writing(
        goal in "\\PC*|[\\s\\S]{0,40}",
        texts in proptest::collection::vec(("[\\s\\S]{0,60}", "\\PC{1,20}", any::<bool>()), 1..5),
    ) {
        let tasks = texts.into_iter().enumerate().map(|(number, (text, title, human))| PlanTask {
            id: format!("T{number}"),
            title: format!("t{title}"),
            acceptance: vec![text.clone(), title.clone()],
            files: vec![text.clone()],
            description: text,
            human,
            ..PlanTask::default()
        });
        let plan = Plan { goal, tasks: tasks.collect() };
        let text = to_toml(&plan);
        prop_assert_eq!(parse(&text, Format::Toml, "p").unwrap(), plan);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\[|\\]|run|agents|gates|=|\\.|\"|'|\n|#|[0-9a-z_{} ,]){0,60}|[\\s\\S]{0,80}") {
        if let Err(problems) = validate(&text, "f") {
            prop_assert!(!problems.list.is_empty());
        }
        let _ = parse(&text, Format::of(&text), "f");
    }
}
