//! A plan that changes while it is worked on: what a person may change, and what follows for who is at work.

use loopmon::engine::{ControlAction, Effect, EffectKind};
use loopmon::model::event::StepEvent;
use loopmon::model::{
    AgentState, AgentStatus, BlockedKind, Command, Event, Field, Hold, Phase, PlanEdit, PlanTask, Policy,
    StatusSource, StepKind, StepOutcome, TaskEdit, TaskId, Verb,
};

use crate::world::{World, approval, policy, rejection, task, worked};

fn change(id: &str, fields: Vec<Field>) -> Command {
    Command::Edit(Box::new(PlanEdit::of_task(TaskEdit { task: id.into(), fields })))
}

fn describe(id: &str, text: &str) -> Command {
    change(id, vec![Field::Description(text.to_owned())])
}

fn depend(id: &str, on: &[&str]) -> Command {
    change(id, vec![Field::DependsOn(on.iter().map(|id| TaskId::from(*id)).collect())])
}

fn refused(world: &mut World, command: Command, why: &str) {
    let words = format!("{command:?}");
    let refusal = world.command(command).expect_err(&words);
    assert!(refusal.contains(why), "{words}: {refusal}");
}

fn prompts(effects: &[Effect]) -> Vec<&str> {
    let mut found = Vec::new();
    for effect in effects {
        if let EffectKind::Control { action: ControlAction::Prompt(text), .. } = &effect.kind {
            found.push(text.as_str());
        }
    }
    found
}

/// `a`, then `b`, then `c`; and `d` by itself.
fn chain() -> World {
    World::new(policy(), vec![task("a", &[]), task("b", &["a"]), task("c", &["b"]), task("d", &[])])
}

#[test]
fn a_task_without_work_just_changes_and_its_agent_is_told_the_new_words() {
    let mut world = chain();
    let fields = vec![
        Field::Title("another title".to_owned()),
        Field::Description("another text".to_owned()),
        Field::Acceptance(vec!["it holds".to_owned()]),
        Field::Agent(Some("rex".into())),
        Field::Human(true),
        Field::MayChange(vec!["tests/**".to_owned()]),
    ];
    assert!(world.ask(change("b", fields)).is_empty(), "nobody works on it");
    world.reach_done("a");
    let (effect, brief) = world.agent("b", StepKind::Implement);
    assert_eq!(
        (brief.task.title.as_str(), brief.task.description.as_str()),
        ("another title", "another text")
    );
    assert_eq!((brief.task.acceptance.len(), brief.task.may_change.len()), (1, 1));
    let EffectKind::RunStep { agent, .. } = &world.state.in_flight[&effect] else { panic!() };
    assert_eq!(agent.as_str(), "rex");
    world.reach_approval("b");
    assert_eq!(world.phase("b"), Phase::AwaitingHuman);
}

#[test]
fn who_is_at_work_is_told_at_once_and_the_reviewers_judge_by_the_new_words() {
    let mut world = World::of_one(policy());
    world.agent("a", StepKind::Implement);
    let effects = world.ask(describe("a", "in French"));
    assert!(matches!(&prompts(&effects)[..], [text] if text.contains("in French")), "{effects:?}");
    let effect = effects[0].id;
    world.event(Event::Step(StepEvent::Controlled { effect, error: Some("it runs headless".to_owned()) }));
    world.reach_review("a");
    assert_eq!(world.reviewer("a", 0).1.task.description, "in French");
    world.vote("a", 0, approval());
    world.vote("a", 1, rejection(&["it is in English"]));
    let (_, brief) = world.agent("a", StepKind::Fix);
    assert_eq!(brief.task.description, "in French");
    assert!(
        brief.notes.iter().any(|note| note.contains("in French")),
        "who could not be told then is told now"
    );
}

#[test]
fn an_agent_that_asks_something_does_not_get_the_new_words_for_an_answer() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    let status = AgentStatus {
        state: AgentState::Blocked(BlockedKind::Question),
        message: "which colour?".to_owned(),
        source: StatusSource::Screen,
    };
    world.event(Event::Step(StepEvent::StatusChanged { effect, status }));
    assert!(world.ask(describe("a", "blue")).is_empty());
    world.end(effect, StepOutcome::Lost);
    world.timer();
    assert!(world.agent("a", StepKind::Implement).1.notes[0].contains("blue"));
}

/// The ways in which an agent at work does not hear that its task has changed.
fn unheard(world: &mut World, way: usize) {
    let (effect, _) = world.agent("a", StepKind::Implement);
    if way == 0 {
        let effects = world.ask(describe("a", "in French"));
        let error = Some("it runs headless".to_owned());
        world.event(Event::Step(StepEvent::Controlled { effect: effects[0].id, error }));
    } else if way == 1 {
        let effects = world.ask(describe("a", "in French"));
        let words = prompts(&effects).into_iter().map(str::to_owned).collect();
        world.event(Event::Step(StepEvent::Unsaid { effect, words }));
    } else {
        let status = AgentStatus {
            state: AgentState::Blocked(BlockedKind::Question),
            message: "which colour?".to_owned(),
            source: StatusSource::Screen,
        };
        world.event(Event::Step(StepEvent::StatusChanged { effect, status }));
        world.ask(describe("a", "in French"));
    }
}

#[test]
fn work_of_an_agent_that_never_heard_the_new_words_goes_back_before_it_is_judged() {
    for way in 0..3 {
        let mut world = World::of_one(Policy { heed_edits: true, max_rounds: 1, ..policy() });
        unheard(&mut world, way);
        let (effect, _) = world.agent("a", StepKind::Implement);
        world.end(effect, worked());
        world.git();
        let (_, brief) = world.agent("a", StepKind::Implement);
        assert_eq!((brief.round, brief.task.description.as_str()), (2, "in French"), "way {way}");
        assert!(brief.findings.iter().any(|finding| finding.description.contains("has changed")));
        // That one has heard it, and no round is counted against the task.
        world.reach_review("a");
        assert_eq!(world.phase("a"), Phase::Reviewing, "way {way}");
    }
}

#[test]
fn an_attempt_that_begins_with_the_new_words_needs_no_further_round() {
    let mut world = World::of_one(Policy { heed_edits: true, ..policy() });
    unheard(&mut world, 0);
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.end(effect, StepOutcome::Lost);
    world.timer();
    world.reach_review("a");
    assert_eq!(world.phase("a"), Phase::Reviewing);
    assert_eq!(world.reviewer("a", 0).1.round, 1);
}

#[test]
fn a_title_alone_disturbs_nobody() {
    let mut world = World::of_one(policy());
    world.agent("a", StepKind::Implement);
    assert!(world.ask(change("a", vec![Field::Title("tidy".to_owned())])).is_empty());
    world.reach_review("a");
    let effects = world.ask(change("a", vec![Field::Title("tidier".to_owned())]));
    assert!(effects.is_empty() && world.phase("a") == Phase::Reviewing);
}

#[test]
fn work_that_was_made_for_other_words_goes_back_for_a_round_whatever_was_said_of_it() {
    for reach in [World::reach_review as fn(&mut World, &str), World::reach_approval] {
        let mut world = World::of_one(Policy { max_rounds: 1, ..policy() });
        world.ask(change("a", vec![Field::Human(true)]));
        reach(&mut world, "a");
        let reviewers = world.agents("a");
        if let [(effect, _), _] = &reviewers[..] {
            world.end(*effect, StepOutcome::Reviewed { verdict: rejection(&["a leak"]) });
        }
        let effects = world.ask(change("a", vec![Field::Acceptance(vec!["it is fast".to_owned()])]));
        let ends = effects.iter().filter(
            |effect| matches!(&effect.kind, EffectKind::Control { action, .. } if *action == ControlAction::End),
        );
        assert_eq!(ends.count(), reviewers.len().saturating_sub(1), "who judged by the old words stops");
        for (effect, _) in world.agents("a") {
            world.end(effect, StepOutcome::Cancelled);
        }
        let (_, brief) = world.agent("a", StepKind::Implement);
        assert_eq!((brief.round, brief.task.acceptance.as_slice()), (2, &["it is fast".to_owned()][..]));
        let findings: Vec<&str> = brief.findings.iter().map(|finding| finding.description.as_str()).collect();
        assert!(findings.iter().any(|text| text.contains("has changed")), "{findings:?}");
        assert!(
            reviewers.is_empty() || findings.contains(&"a leak"),
            "what was found is not lost: {findings:?}"
        );
        world.reach_approval("a");
        assert_eq!(world.phase("a"), Phase::AwaitingHuman);
    }
}

#[test]
fn less_is_no_reason_for_another_round_and_a_hold_stays() {
    let mut world = World::of_one(policy());
    let wishes = |wishes: &[&str]| Field::Acceptance(wishes.iter().map(|wish| (*wish).to_owned()).collect());
    world.ask(change("a", vec![Field::Human(true), wishes(&["x", "y"])]));
    world.reach_approval("a");
    world.ask(change("a", vec![wishes(&["y"])]));
    assert_eq!(world.phase("a"), Phase::AwaitingHuman);
    world.ask(Command::Pause("a".into()));
    world.ask(change("a", vec![wishes(&["y", "z"])]));
    assert_eq!((world.phase("a"), world.task("a").hold.clone()), (Phase::Implementing, Some(Hold::Paused)));
    assert!(world.agents("a").is_empty());
    world.ask(Command::Resume("a".into()));
    world.reach_approval("a");
}

#[test]
fn a_task_that_waits_for_its_merge_waits_for_a_person_once_it_is_marked() {
    let mut world = World::new(policy(), vec![task("a", &[]), task("b", &[])]);
    world.reach_approval("a");
    world.reach_approval("b");
    assert_eq!((world.phase("a"), world.phase("b")), (Phase::Merging, Phase::MergeQueued));
    world.ask(change("b", vec![Field::Human(true)]));
    refused(&mut world, change("a", vec![Field::Human(true)]), "being merged");
    world.gates_pass("a");
    assert_eq!((world.phase("a"), world.phase("b")), (Phase::Done, Phase::AwaitingHuman));
}

#[test]
fn another_agent_does_not_go_on_with_the_session_of_the_one_before() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.event(Event::Step(StepEvent::SessionSeen { effect, resume: "of ada".to_owned() }));
    world.reach_review("a");
    world.ask(change("a", vec![Field::Agent(Some("rex".into()))]));
    world.vote("a", 0, approval());
    world.vote("a", 1, rejection(&["wrong"]));
    let (effect, _) = world.agent("a", StepKind::Fix);
    let EffectKind::RunStep { agent, resume, .. } = &world.state.in_flight[&effect] else { panic!() };
    assert_eq!((agent.as_str(), resume), ("rex", &None));
}

#[test]
fn a_ready_task_that_needs_unfinished_work_is_blocked_again_and_a_freed_one_starts() {
    let mut world = World::new(
        Policy { parallel: 1, ..policy() },
        vec![task("a", &[]), task("b", &["a"]), task("c", &[]), task("d", &["b"])],
    );
    assert_eq!(world.phase("c"), Phase::Ready);
    world.ask(depend("c", &["b"]));
    assert_eq!((world.phase("c"), world.task("a").rank), (Phase::Blocked, 3));
    world.ask(depend("b", &[]));
    assert_eq!(world.phase("b"), Phase::Ready);
    refused(&mut world, depend("b", &["d"]), "circle");
    refused(&mut world, depend("b", &["ghost"]), "not in the plan");
    refused(&mut world, depend("a", &["b"]), "has begun");
    for id in ["a", "b", "c", "d"] {
        world.reach_done(id);
    }
}

#[test]
fn a_task_that_lost_its_dependency_goes_on_without_it() {
    let mut world = chain();
    world.ask(Command::Cancel("a".into()));
    assert!(world.row("b").is_some() && world.row("c").is_some());
    world.ask(depend("b", &[]));
    assert!(world.row("b").is_none() && world.row("c").is_none());
    world.reach_done("b");
    world.reach_done("c");
}

#[test]
fn what_makes_no_sense_is_refused_whole_and_with_its_reason() {
    let mut world = chain();
    world.reach_done("a");
    world.ask(Command::Cancel("d".into()));
    let before = world.state.clone();
    for (command, why) in [
        (describe("a", "x"), "merged already"),
        (describe("d", "x"), "cancelled"),
        (describe("ghost", "x"), "there is no task ghost; there are: a, b, c, d"),
        (Command::Edit(Box::default()), "nothing is changed"),
        (change("b", vec![Field::Agent(Some("nobody".into()))]), "nobody"),
        (change("b", vec![Field::Gates(vec!["slow".to_owned()])]), "slow"),
        (change("b", vec![Field::Title("two\nlines".to_owned())]), "more than one line"),
        (Command::Split("b".into(), vec![task("b", &[])]), "two parts"),
        (Command::Split("b".into(), vec![task("b1", &[]), task("b2", &[])]), "keeps that id"),
        (Command::Split("b".into(), vec![task("b", &["a"]), task("c", &[])]), "two tasks"),
        (Command::Split("a".into(), vec![task("a", &[]), task("a2", &[])]), "merged already"),
        (Command::Join(vec!["b".into()]), "with which task"),
        (Command::Join(vec!["b".into(), "b".into()]), "named twice"),
        (Command::Join(vec!["b".into(), "a".into()]), "merged already"),
        (
            Command::Edit(Box::new(PlanEdit { dropped: vec!["b".into()], ..PlanEdit::default() })),
            "c depends on b",
        ),
        (
            Command::Edit(Box::new(PlanEdit {
                added: vec![task("e", &[]), task("f", &["nowhere"])],
                ..PlanEdit::default()
            })),
            "nowhere",
        ),
    ] {
        refused(&mut world, command, why);
    }
    assert!(world.state == before);
    let snapshot = loopmon::engine::snapshot(&world.state, "p", world.now);
    let refusals = &snapshot.task(&"a".into()).unwrap().refusals;
    assert!(refusals[&Verb::Edit].contains("merged") && refusals.contains_key(&Verb::Split));
    assert!(!snapshot.task(&"b".into()).unwrap().refusals.contains_key(&Verb::Edit));
}

#[test]
fn tasks_are_added_all_or_none_given_up_and_put_in_another_order_at_once() {
    let mut world =
        World::new(Policy { parallel: 1, ..policy() }, vec![task("a", &[]), task("b", &[]), task("c", &[])]);
    world.ask(Command::Edit(Box::new(PlanEdit {
        changes: vec![TaskEdit { task: "c".into(), fields: vec![Field::Title("see".to_owned())] }],
        added: vec![task("d", &["e"]), task("e", &[])],
        dropped: vec!["b".into()],
        order: vec!["e".into(), "c".into(), "d".into()],
    })));
    assert_eq!(world.state.order, ["a", "b", "e", "c", "d"].map(TaskId::from));
    assert_eq!(world.phase("b"), Phase::Cancelled);
    for id in ["a", "e", "c", "d"] {
        world.reach_done(id);
    }
    assert!(world.state.run.ended.is_some());
}

#[test]
fn a_split_keeps_the_work_of_its_first_part_and_all_of_it_is_waited_for() {
    let mut world = chain();
    world.reach_done("a");
    let (effect, _) = world.agent("b", StepKind::Implement);
    let first = PlanTask { title: "the half of b".to_owned(), ..task("b", &["a"]) };
    world.ask(Command::Split("b".into(), vec![first, task("b2", &["b"]), task("b3", &["a"])]));
    assert_eq!(world.state.order, ["a", "b", "b2", "b3", "c", "d"].map(TaskId::from));
    assert_eq!(world.task("c").spec.depends_on, ["b", "b2", "b3"].map(TaskId::from));
    assert_eq!(world.phase("b3"), Phase::Implementing);
    world.end(effect, worked());
    world.git();
    world.gates_pass("b");
    world.all_approve("b");
    world.gates_pass("b");
    assert_eq!((world.phase("b"), world.phase("c")), (Phase::Done, Phase::Blocked));
    for id in ["b2", "b3", "c"] {
        world.reach_done(id);
    }
}

#[test]
fn joined_tasks_ask_for_everything_and_are_waited_for_as_one() {
    let wish = |id: &str, after: &[&str], wish: &str| PlanTask {
        description: format!("text of {id}"),
        acceptance: vec![wish.to_owned()],
        ..task(id, after)
    };
    let plan = vec![
        wish("a", &[], "w"),
        wish("b", &["a"], "x"),
        PlanTask { human: true, ..wish("c", &["a"], "y") },
        wish("d", &["c"], "z"),
    ];
    let mut world = World::new(policy(), plan);
    refused(&mut world, Command::Join(vec!["a".into(), "d".into()]), "can't wait for c");
    world.ask(Command::Join(vec!["b".into(), "c".into()]));
    assert_eq!(
        (world.phase("c"), world.task("d").spec.depends_on.as_slice()),
        (Phase::Cancelled, &["b".into()][..])
    );
    let spec = world.task("b").spec.clone();
    assert!(spec.description.contains("text of b") && spec.description.contains("text of c") && spec.human);
    assert_eq!(spec.acceptance, ["x", "y"]);
    world.reach_done("a");
    world.reach_approval("b");
    world.ask(Command::Approve("b".into()));
    world.gates_pass("b");
    world.reach_done("d");
    assert!(world.state.run.ended.is_some());
}

#[test]
fn what_is_at_work_is_ended_when_it_is_joined_into_another() {
    let mut world = World::new(policy(), vec![task("a", &[]), task("b", &[]), task("c", &["b"])]);
    let (effect, _) = world.agent("b", StepKind::Implement);
    let (live, _) = world.agent("a", StepKind::Implement);
    let effects = world.ask(Command::Join(vec!["a".into(), "b".into()]));
    let controls: Vec<_> = effects
        .iter()
        .filter_map(|effect| match &effect.kind {
            EffectKind::Control { target, action } => Some((*target, *action == ControlAction::End)),
            _ => None,
        })
        .collect();
    assert_eq!(controls, [(live, false), (effect, true)], "one is told more, the other ends");
    world.end(effect, StepOutcome::Cancelled);
    world.reach_done("a");
    world.reach_done("c");
}

#[test]
fn a_plan_that_waits_or_a_run_without_one_is_not_edited_this_way() {
    let mut start = crate::world::run_start(policy(), vec![task("a", &[])]);
    start.go = false;
    let mut world = World::begin(start);
    world.git();
    refused(&mut world, describe("a", "x"), "before its go");
    let added = PlanEdit { added: vec![task("b", &[])], ..PlanEdit::default() };
    refused(&mut world, Command::Edit(Box::new(added)), "before its go");
}

#[test]
fn the_plan_of_a_stopped_run_is_changed_for_when_it_goes_on() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.ask(Command::Stop);
    world.end(effect, StepOutcome::Cancelled);
    world.ask(describe("a", "more"));
    world.ask(Command::ResumeRun);
    assert_eq!(world.agent("a", StepKind::Implement).1.task.description, "more");
}

#[test]
fn a_task_at_work_does_not_begin_to_use_what_another_works_with() {
    let lock = |id: &str| Field::Locks(vec![id.to_owned()]);
    let mut world = World::new(policy(), vec![task("a", &[]), task("b", &[]), task("c", &["a"])]);
    world.ask(change("a", vec![lock("db"), Field::Priority(3)]));
    refused(&mut world, change("b", vec![lock("db")]), "a works with db, and b is at work");
    world.ask(change("b", vec![lock("port")]));
    world.ask(change("c", vec![lock("db")]));
    refused(&mut world, Command::Join(vec!["b".into(), "c".into()]), "can't wait for a");
    world.ask(Command::Pause("b".into()));
    world.ask(change("b", vec![lock("db")]));
    for id in ["a", "c"] {
        world.reach_done(id);
    }
}
