//! What each key asks for, as a person would press it.

use super::*;
use crate::model::snapshot::RunPhase;

pub(super) fn command(requests: &[Request]) -> Option<Command> {
    requests.iter().find_map(|request| match request {
        Request::Command(command) => Some(command.clone()),
        _ => None,
    })
}

pub(super) fn on(task: &str) -> Bench {
    let mut bench = Bench::new(busy());
    bench.ui.view.select(Some(task.into()));
    bench.draw();
    bench
}

pub(super) fn last(bench: &mut Bench) -> String {
    bench.text().lines().last().unwrap_or("").to_owned()
}

#[test]
fn the_first_that_needs_a_person_is_selected_at_once() {
    let bench = Bench::new(busy());
    assert_eq!(bench.ui.view.task, Some("T14".into()));
}

#[test]
fn a_restarted_agent_is_looked_at_in_the_place_of_the_old_one() {
    let mut bench = on("T15");
    bench.press("3");
    let old = bench.ui.visible_sessions()[0].clone();
    let at = bench.snapshot.sessions.iter().position(|session| session.id == old).unwrap();
    bench.press("R");
    bench.with(|ui, world| ui.reply(Reply::Done { verb: Verb::Restart }, world));
    bench.snapshot.sessions[at].ended = Some(NOW);
    bench.observe();
    bench.draw();
    assert_eq!(bench.ui.visible_sessions(), [old], "until there is another");
    let mut new = bench.snapshot.sessions[at].clone();
    (new.id, new.effect, new.ended) = ("r-99".into(), EffectId(99), None);
    bench.snapshot.sessions.push(new);
    bench.observe();
    bench.draw();
    assert_eq!(bench.ui.visible_sessions(), ["r-99".into()]);
}

#[test]
fn a_diff_says_what_is_not_committed_and_its_rules_end_at_the_edge() {
    let mut bench = on("T15");
    let task = bench.snapshot.tasks.iter_mut().find(|task| task.id == "T15".into()).unwrap();
    task.change = Default::default();
    bench.press("d");
    let text =
        "diff --git a/src/a.rs b/src/a.rs\n--- a/src/a.rs\n+++ b/src/a.rs\n@@ -1 +1,2 @@\n-x\n+y\n+z\n";
    bench.with(|ui, world| ui.reply(Reply::Diff { task: "T15".into(), text: text.to_owned() }, world));
    let screen = bench.text();
    assert!(screen.contains("+2 -1  1 file, not committed yet"), "{screen}");
    let rule = screen.lines().find(|line| line.contains("src/a.rs ──")).unwrap();
    assert!(!rule.contains('…'), "{rule}");
    bench.with(|ui, world| ui.reply(Reply::Diff { task: "T15".into(), text: String::new() }, world));
    assert!(bench.text().contains("no file changed, nothing committed yet"), "{}", bench.text());
}

#[test]
fn approve_is_sent_at_once_and_said_to_be_done_only_by_the_answer() {
    let mut bench = Bench::new(busy());
    assert_eq!(command(&bench.press("a")), Some(Command::Approve("T14".into())));
    assert!(last(&mut bench).contains("approve T14"), "it is on its way");
    assert!(!bench.text().contains("approved"));
    bench.with(|ui, world| ui.reply(Reply::Done { verb: Verb::Approve }, world));
    assert!(last(&mut bench).contains("T14 approved"));
    bench.press("a");
    let refused = Reply::Refused { verb: Verb::Approve, reason: "nothing waits".to_owned() };
    bench.with(|ui, world| ui.reply(refused, world));
    assert!(last(&mut bench).contains("nothing waits"));
}

#[test]
fn keys_of_a_task_ask_for_its_commands() {
    let id = TaskId::from("T15");
    for (key, wanted) in [
        ("a", Command::Approve(id.clone())),
        ("r", Command::Retry(id.clone())),
        ("p", Command::Pause(id.clone())),
        ("i", Command::Interrupt(EffectId(15))),
        ("R", Command::Restart(EffectId(15))),
    ] {
        assert_eq!(command(&on("T15").press(key)), Some(wanted), "{key}");
    }
    let mut paused = on("T15");
    paused.snapshot.tasks[3].hold = Some(Hold::Paused);
    assert_eq!(command(&paused.press("p")), Some(Command::Resume(id)));
}

#[test]
fn what_is_refused_is_not_sent_and_says_why() {
    let mut bench = on("T09");
    assert_eq!(bench.press("p"), []);
    assert!(last(&mut bench).contains("it is over"));
    assert_eq!(bench.press("m"), []);
    assert!(last(&mut bench).contains("still being worked on"));
}

#[test]
fn a_rejection_takes_a_reason_of_several_lines() {
    let mut bench = on("T18");
    bench.press("x");
    assert_eq!(bench.press("enter"), [], "an empty reason is not sent");
    bench.type_text("No pictures.");
    bench.press("alt-enter");
    bench.input(Input::Paste("Add two.\r\n".to_owned()));
    let wanted = Command::Reject("T18".into(), "No pictures.\nAdd two.".to_owned());
    assert_eq!(command(&bench.press("enter")), Some(wanted));
    assert!(bench.ui.popups.is_empty());
}

#[test]
fn denying_an_agents_request_needs_no_words() {
    let mut bench = on("T14");
    bench.press("x");
    assert_eq!(command(&bench.press("enter")), Some(Command::Reject("T14".into(), String::new())));
}

#[test]
fn a_prompt_can_be_written_in_the_persons_editor() {
    let mut bench = on("T15");
    bench.press("space");
    bench.type_text("use a token bucket");
    let asked = bench.press("ctrl-g");
    let edit =
        Request::EditText { text: "use a token bucket".to_owned(), suffix: ".md", purpose: Purpose::Words };
    assert_eq!(asked, [edit]);
    let back = Reply::Edited { purpose: Purpose::Words, text: "use a leaky bucket\n".to_owned() };
    bench.with(|ui, world| ui.reply(back, world));
    let wanted = Command::Prompt("T15".into(), "use a leaky bucket".to_owned());
    assert_eq!(command(&bench.press("enter")), Some(wanted));
}

#[test]
fn giving_up_and_stopping_ask_first_and_name_the_thing() {
    let mut bench = on("T15");
    assert_eq!(bench.press("D"), []);
    let text = bench.text();
    assert!(
        text.contains("T15") && text.contains("rate limiter") && text.contains("task waits for it"),
        "{text}"
    );
    assert_eq!(bench.press("enter"), [], "enter alone does not");
    assert_eq!(command(&bench.press("y")), Some(Command::Cancel("T15".into())));
    assert_eq!(bench.press("Q"), []);
    assert_eq!(bench.press("n"), []);
    bench.press("Q");
    assert_eq!(command(&bench.press("y")), Some(Command::Stop));
}

#[test]
fn an_entered_terminal_gets_every_key_but_one_and_then_nothing_is_pending() {
    let mut bench = on("T14");
    assert_eq!(bench.press("enter"), []);
    let to = |bytes: &[u8]| Request::ToPane { session: "r-14".into(), bytes: bytes.to_vec() };
    assert_eq!(bench.press("q"), [to(b"q")]);
    assert_eq!(bench.press("esc"), [to(b"\x1b")]);
    assert_eq!(bench.press("ctrl-c"), [to(b"\x03")]);
    assert_eq!(bench.press("a ? :").len(), 3);
    assert_eq!(bench.input(Input::Paste("two\nlines".to_owned())).len(), 1);
    assert_eq!(bench.press("ctrl-q"), []);
    assert_eq!(command(&bench.press("a")), Some(Command::Approve("T14".into())));
}

#[test]
fn keys_never_fall_through_to_commands_when_the_agent_ends() {
    let mut bench = on("T14");
    bench.press("enter");
    bench.snapshot.sessions[0].ended = Some(NOW);
    assert_eq!(bench.press("a D Q").len(), 0);
    assert!(bench.ui.popups.is_empty());
    bench.snapshot.sessions.remove(0);
    bench.observe();
    assert_eq!(bench.press("a").len(), 0);
    bench.press("ctrl-q");
    assert!(command(&bench.press("a")).is_some());
}

#[test]
fn a_plan_that_appears_does_not_take_the_keys_of_one_who_types() {
    let mut bench = on("T14");
    bench.press("enter");
    bench.snapshot.run.as_mut().unwrap().proposal = Some(plan());
    bench.observe();
    assert!(bench.ui.popups.is_empty());
    assert_eq!(bench.press("y").len(), 1, "it goes to the agent");
    bench.press("ctrl-q");
    assert_eq!(bench.ui.popups.len(), 1, "now it is shown");
}

#[test]
fn a_plan_is_edited_shortened_and_taken_as_it_is_shown() {
    let mut bench = Bench::new(proposed());
    assert_eq!(bench.press("enter"), [], "a key that was on its way does not accept it");
    bench.now = NOW.plus(1000);
    bench.press("j D");
    let edit = bench.press("e");
    let Some(Request::EditText { purpose: Purpose::Plan(shown), .. }) = edit.first() else {
        panic!("{edit:?}")
    };
    let after: Vec<Vec<&str>> =
        shown.tasks.iter().map(|t| t.depends_on.iter().map(TaskId::as_str).collect()).collect();
    assert_eq!(after, [vec![], vec!["T1"], vec!["T3", "T1"]], "T4 inherits what T2 waited for");
    let mut edited = shown.clone();
    edited.tasks[0].title = "migrations".to_owned();
    bench.with(|ui, world| ui.reply(Reply::PlanEdited(Ok(edited.clone())), world));
    assert_eq!(command(&bench.press("y")), Some(Command::AcceptPlan(*edited)));
}

#[test]
fn a_plan_goes_back_with_a_reason_and_without_one_only_after_a_question() {
    let mut bench = Bench::new(proposed());
    bench.press("x");
    bench.type_text("smaller steps");
    assert_eq!(command(&bench.press("enter")), Some(Command::RejectPlan("smaller steps".to_owned())));
    bench.press("v x enter");
    assert!(bench.text().contains("Drop this run?"));
    assert_eq!(command(&bench.press("y")), Some(Command::RejectPlan(String::new())));
}

#[test]
fn a_plan_put_off_comes_back_by_its_row() {
    let mut bench = Bench::new(proposed());
    bench.press("esc");
    bench.observe();
    assert!(bench.ui.popups.is_empty(), "it is not shown again by itself");
    bench.press("w");
    assert_eq!(bench.ui.popups.len(), 1);
}

#[test]
fn w_goes_round_everything_that_needs_a_person() {
    let mut bench = on("T12");
    let mut seen = Vec::new();
    for _ in 0..4 {
        bench.press("w");
        seen.push(bench.ui.view.task.clone().unwrap().0);
    }
    assert_eq!(seen, ["T14", "T18", "T09", "T14"]);
}

#[test]
fn moving_filtering_and_jumping() {
    let mut bench = on("T12");
    bench.press("j j");
    assert_eq!(bench.ui.view.task, Some("T17".into()));
    bench.press("G");
    assert_eq!(bench.ui.view.task, Some("T11".into()));
    bench.press("g /");
    bench.type_text("audit");
    bench.press("down enter");
    assert_eq!(bench.ui.view.task, Some("T20".into()));
    assert!(bench.text().contains("2 of 12"));
    bench.press("esc");
    assert!(bench.text().contains("Tasks 12"));
    bench.press("3");
    assert_eq!(bench.ui.visible_sessions(), [SessionId::from("r-15")]);
    assert_eq!(bench.ui.view.task, Some("T15".into()));
}

#[test]
fn the_sessions_of_a_task_are_switched() {
    let mut bench = on("T19");
    assert_eq!(bench.ui.visible_sessions(), [SessionId::from("r-20")]);
    bench.press(".");
    assert_eq!(bench.ui.visible_sessions(), [SessionId::from("r-19")]);
    bench.press(",");
    assert_eq!(bench.ui.visible_sessions(), [SessionId::from("r-20")]);
}

#[test]
fn views_ask_for_what_they_show_once() {
    let mut bench = on("T14");
    assert_eq!(bench.press("d"), [Request::LoadDiff("T14".into())]);
    assert_eq!(bench.observe(), []);
    let text = "diff --git a/x b/x\n@@ -1 +1 @@\n-a\n+b\n".to_owned();
    bench.with(|ui, world| ui.reply(Reply::Diff { task: "T14".into(), text }, world));
    assert!(bench.text().contains("+ b"));
    bench.snapshot.tasks[1].tip = Some("ffff".into());
    assert_eq!(bench.observe(), [Request::LoadDiff("T14".into())], "a new commit voids it");
    bench.press("esc tab");
    assert_eq!(bench.press("tab"), [Request::LoadEvents("T14".into())]);
}

#[test]
fn the_terminal_gets_the_size_that_it_is_drawn_at() {
    let mut bench = on("T14");
    assert_eq!(bench.ui.pane_sizes(), [("r-14".into(), 80, 23)]);
    bench.press("z");
    assert_eq!(bench.ui.pane_sizes(), [("r-14".into(), 120, 34)]);
    bench.press("z d");
    assert_eq!(bench.ui.pane_sizes(), []);
}

#[test]
fn an_ended_session_that_is_looked_at_is_asked_for_and_keeps_its_size() {
    let bench = on("T11");
    assert!(!bench.snapshot.session(&"r-11".into()).unwrap().is_live());
    assert_eq!(bench.ui.visible_sessions(), [SessionId::from("r-11")]);
    assert_eq!(bench.ui.pane_sizes(), []);
}

#[test]
fn scrolling_back_holds_still_while_the_agent_prints() {
    let mut bench = on("T14");
    let pane = bench.panes.pane(&"r-14".into()).unwrap();
    for line in 0..100 {
        pane.lock().unwrap().feed(format!("line {line}\r\n").as_bytes());
    }
    bench.press("[ pageup");
    let seen = |bench: &mut Bench| bench.text().lines().filter(|row| row.contains("line ")).count();
    let before = bench.text();
    assert!(seen(&mut bench) > 10);
    pane.lock().unwrap().feed(b"new 1\r\nnew 2\r\n");
    let held: Vec<String> = bench.text().lines().map(str::to_owned).collect();
    let row =
        before.lines().find(|row| row.contains("line 70")).unwrap().split('│').next_back().map(str::to_owned);
    assert!(held.iter().any(|line| line.contains("line 70")), "{row:?}");
    assert!(!held.iter().any(|line| line.contains("new 2")));
    bench.press("q");
    assert!(bench.text().contains("new 2"));
}

#[test]
fn a_drag_selects_and_copies_and_a_click_enters() {
    let mut bench = on("T14");
    let row = bench.text().lines().position(|row| row.contains("Add GET")).unwrap();
    let column = bench.text().lines().nth(row).unwrap().chars().position(|c| c == '>').unwrap();
    let (x, y) = (u16::try_from(column).unwrap(), u16::try_from(row).unwrap());
    bench.input(mouse(DOWN, x + 2, y));
    bench.input(mouse(DRAG, x + 8, y));
    assert_eq!(bench.input(mouse(UP, x + 8, y)), [Request::Copy("Add GET".to_owned())]);
    bench.input(mouse(DOWN, x, y));
    bench.input(mouse(UP, x, y));
    assert_eq!(bench.press("z").len(), 1, "the terminal has the keys");
    bench.press("ctrl-q");
    let board = bench.text().lines().position(|row| row.contains("rate limiter")).unwrap();
    bench.input(mouse(DOWN, 5, u16::try_from(board).unwrap()));
    assert_eq!(bench.ui.view.task, Some("T15".into()));
}

#[test]
fn an_agent_gets_the_mouse_only_if_it_asked() {
    let mut bench = on("T14");
    bench.press("enter");
    assert_eq!(bench.input(mouse(DOWN, 60, 10)), []);
    bench.panes.pane(&"r-14".into()).unwrap().lock().unwrap().feed(b"\x1b[?1000h\x1b[?1006h");
    assert!(matches!(bench.input(mouse(DOWN, 60, 10)).as_slice(), [Request::ToPane { .. }]));
}

#[test]
fn hints_can_be_pressed() {
    let mut bench = on("T14");
    let (row, hints) = bench.text().lines().enumerate().last().map(|(at, row)| (at, row.to_owned())).unwrap();
    let column = hints.chars().collect::<String>().find("? help").unwrap();
    bench.input(mouse(DOWN, u16::try_from(column).unwrap(), u16::try_from(row).unwrap()));
    assert!(bench.text().contains("Keys"));
}

#[test]
fn the_bell_rings_from_none_to_some_and_not_while_one_looks() {
    let mut calm = busy();
    calm.attention.clear();
    let mut bench = Bench::new(calm);
    bench.snapshot = busy();
    let told = bench.observe();
    assert!(
        told.contains(&Request::Bell)
            && told.contains(&Request::Title("! 3 need you  loopmon  acme/api".to_owned()))
    );
    assert_eq!(bench.observe(), []);
    bench.snapshot.attention.clear();
    bench.input(Input::Focus(true));
    bench.snapshot = busy();
    assert!(!bench.observe().contains(&Request::Bell));
}

#[test]
fn themes_are_seen_as_one_moves_and_chosen_or_left() {
    let mut bench = on("T14");
    assert_eq!(bench.press("t"), [Request::ListThemes]);
    let themes = crate::theme::Themes::default().load_all().0;
    bench.with(|ui, world| ui.reply(Reply::Themes(themes.clone()), world));
    bench.press("down");
    assert_eq!(bench.ui.current_theme().name(), themes[1].name());
    bench.press("esc");
    assert_eq!(bench.ui.current_theme().name(), "default");
    bench.with(|ui, world| ui.reply(Reply::Themes(themes.clone()), world));
    bench.press("j");
    assert_eq!(bench.ui.current_theme().name(), themes[1].name(), "letters move where none is typed");
    assert_eq!(bench.press("q"), [], "and q closes only the list");
    assert_eq!(bench.ui.current_theme().name(), "default");
    bench.with(|ui, world| ui.reply(Reply::Themes(themes.clone()), world));
    assert_eq!(bench.press("down enter"), [Request::SetTheme(themes[1].name().to_owned())]);
}

#[test]
fn the_palette_finds_says_why_not_and_does() {
    let mut bench = on("T15");
    bench.press("ctrl-p");
    bench.type_text("land");
    assert!(bench.text().contains("not now: tasks are still being worked on"));
    assert_eq!(bench.press("enter"), []);
    bench.press("esc :");
    bench.type_text("interr");
    assert_eq!(command(&bench.press("enter")), Some(Command::Interrupt(EffectId(15))));
}

#[test]
fn help_is_searched() {
    let mut bench = on("T15");
    bench.press("?");
    bench.type_text("interrupt");
    let text = bench.text();
    assert!(text.contains("interrupt the agent's turn") && !text.contains("choose a theme"));
}

#[test]
fn a_new_task_is_filled_in_and_checked() {
    let mut bench = on("T15");
    bench.press("n");
    bench.type_text("Health check");
    bench.press("tab");
    bench.type_text("GET /healthz");
    bench.press("tab tab");
    bench.type_text("T99");
    assert_eq!(bench.press("enter"), []);
    assert!(bench.text().contains("there is no task T99"));
    for _ in 0..2 {
        bench.press("backspace");
    }
    bench.type_text("12");
    let Some(Command::Add(task)) = command(&bench.press("enter")) else { panic!("no task was added") };
    assert_eq!((task.id.as_str(), task.title.as_str()), ("T22", "Health check"));
    assert_eq!(task.depends_on, [TaskId::from("T12")]);
    bench.press("N");
    bench.type_text("Fix typo");
    assert!(matches!(command(&bench.press("enter")), Some(Command::Add(_))));
}

#[test]
fn a_task_is_changed_in_the_persons_editor_as_long_as_it_can_be() {
    let mut bench = on("T15");
    let asked = bench.press("E");
    let Some(Request::EditText { purpose: Purpose::Task(task), suffix: ".toml", .. }) = asked.first() else {
        panic!("{asked:?}")
    };
    assert_eq!(
        (task.id.as_str(), task.human),
        ("T15", bench.snapshot.task(&"T15".into()).unwrap().planned.human)
    );
    let fixed = bench.snapshot.tasks.iter_mut().find(|task| task.id.as_str() == "T15").unwrap();
    fixed.refusals.insert(Verb::Edit, "T15 is merged already".to_owned());
    assert_eq!(bench.press("E"), []);
    assert!(bench.text().contains("T15 is merged already"));
}

#[test]
fn run_keys() {
    let mut bench = on("T15");
    assert_eq!(command(&bench.press("P")), Some(Command::PauseRun));
    bench.press("B");
    bench.press("ctrl-u");
    bench.type_text("7.5");
    assert_eq!(command(&bench.press("enter")), Some(Command::SetBudget(7_500_000)));
    bench.snapshot.run.as_mut().unwrap().refusals.clear();
    assert_eq!(command(&bench.press("m")), Some(Command::Land));
    assert_eq!(command(&bench.press("u")), Some(Command::UndoLand));
    assert_eq!(bench.press("q"), [Request::Detach]);
    assert_eq!(bench.press("ctrl-l"), [Request::Redraw]);
}

#[test]
fn the_first_screen_starts_a_demo_a_goal_or_a_plan() {
    let mut bench = Bench::new(Snapshot::default());
    assert_eq!(bench.press("d"), [Request::StartDemo]);
    bench.press("n");
    bench.type_text("Add pagination");
    assert_eq!(bench.press("enter"), [Request::StartRun { goal: "Add pagination".to_owned() }]);
    bench.press("i");
    bench.type_text("plan.toml");
    assert_eq!(bench.press("enter"), [Request::ImportPlan { path: "plan.toml".to_owned() }]);
    assert_eq!(bench.press("q"), [Request::QuitServer]);
    bench.welcome.repository = None;
    assert_eq!(bench.press("n"), []);
    assert!(last(&mut bench).contains("no git repository"));
    let mut over = busy();
    over.run.as_mut().unwrap().phase = RunPhase::Stopped;
    let mut bench = Bench::new(over);
    bench.press(":");
    bench.type_text("demo");
    assert_eq!(bench.press("enter"), [Request::StartDemo]);
}

#[test]
fn the_narrow_screen_turns_pages() {
    let mut bench = Bench::sized(busy(), 80, 24);
    assert!(bench.text().contains("[1 Tasks]"));
    bench.press("2");
    assert_eq!(bench.ui.pane_sizes(), [("r-14".into(), 80, 20)]);
    bench.press("tab");
    assert!(bench.text().contains("[3 Diff]"));
    bench.press("1 enter");
    assert!(bench.text().contains("[2 Agent]"));
    assert_eq!(bench.press("q").len(), 1, "the terminal has the keys");
}

#[test]
fn a_click_on_a_row_of_a_popup_selects_it_and_a_second_chooses() {
    let mut bench = on("T15");
    bench.press(":");
    let at = |bench: &mut Bench, words: &str| {
        let text = bench.text();
        let row = text.lines().position(|row| row.contains(words)).unwrap();
        u16::try_from(row).unwrap()
    };
    let row = at(&mut bench, "hold the task");
    bench.input(mouse(DOWN, 40, row));
    let row = at(&mut bench, "hold the task");
    assert_eq!(command(&bench.input(mouse(DOWN, 40, row))), Some(Command::Pause("T15".into())));
}
