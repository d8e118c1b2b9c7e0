//! What people say of the work: one list with the reviewers' findings, worked on together, never merged over.

use loopmon::model::{
    Command, Field, FindingState, Phase, PlanEdit, Policy, StepKind, StepOutcome, TaskEdit,
};

use crate::world::{World, approval, policy, rejection, task, worked};

fn comment(text: &str) -> Command {
    Command::Comment { task: "a".into(), file: "lib.rs".to_owned(), line: 3, text: text.to_owned() }
}

fn dismiss(number: u32) -> Command {
    Command::Dismiss("a".into(), number, "it is meant so".to_owned())
}

fn marked() -> World {
    let mut world = World::of_one(policy());
    let fields = vec![Field::Human(true)];
    world.ask(Command::Edit(Box::new(PlanEdit::of_task(TaskEdit { task: "a".into(), fields }))));
    world
}

fn states(world: &World) -> Vec<FindingState> {
    world.task("a").findings.iter().map(|finding| finding.state.clone()).collect()
}

#[test]
fn comments_and_the_reviewers_findings_go_to_the_next_fix_together() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    world.ask(comment("why twice?"));
    world.vote("a", 0, approval());
    world.vote("a", 1, rejection(&["a leak"]));
    world.ask(comment("and here?"));
    let (effect, brief) = world.agent("a", StepKind::Fix);
    let told: Vec<(&str, u32)> = brief.findings.iter().map(|it| (it.source.as_str(), it.line)).collect();
    assert_eq!(told, [("person", 3), ("rio", 7)]);
    // What was said while it worked is open still, although it has committed since.
    world.end(effect, worked());
    world.git();
    assert!(matches!(
        states(&world)[..],
        [FindingState::Fixed(_), FindingState::Fixed(_), FindingState::Raised]
    ));
    world.gates_pass("a");
    world.all_approve("a");
    let (_, brief) = world.agent("a", StepKind::Fix);
    assert_eq!(brief.findings.len(), 1, "all others approved, and it goes back all the same");
    world.reach_done("a");
}

#[test]
fn a_comment_on_what_waits_for_its_merge_stops_that_and_one_for_your_word_waits_for_it() {
    let mut world = World::new(Policy { max_rounds: 1, ..policy() }, vec![task("b", &[]), task("a", &[])]);
    world.reach_approval("b");
    world.reach_approval("a");
    assert_eq!(world.phase("a"), Phase::MergeQueued);
    world.ask(comment("not yet"));
    assert_eq!(world.phase("a"), Phase::Fixing);
    world.gates_pass("b");
    world.reach_done("a");

    let mut world = marked();
    world.reach_approval("a");
    world.ask(comment("one"));
    world.ask(comment("one"));
    assert_eq!(world.phase("a"), Phase::AwaitingHuman);
    assert!(world.row("a").unwrap().text.contains("2 comments of yours are open"));
    world.ask(Command::Reject("a".into(), "see there".to_owned()));
    assert_eq!(world.agent("a", StepKind::Implement).1.findings.len(), 3);
    world.reach_approval("a");
    world.ask(comment("a taste"));
    world.ask(Command::Approve("a".into()));
    world.gates_pass("a");
    assert_eq!((world.phase("a"), states(&world).pop()), (Phase::Done, Some(FindingState::Deferred)));
    assert!(world.command(comment("late")).unwrap_err().contains("merged already"));
}

#[test]
fn without_reviewers_a_comment_is_fixed_before_the_merge_too() {
    let mut world = World::of_one(Policy { team: Default::default(), ..policy() });
    world.ask(comment("mind this"));
    assert!(world.agent("a", StepKind::Implement).1.findings.is_empty(), "it had begun");
    world.work("a");
    world.gates_pass("a");
    assert_eq!(world.agent("a", StepKind::Fix).1.findings.len(), 1);
    world.work("a");
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
}

#[test]
fn what_is_dismissed_is_not_fixed_and_the_reviewers_hear_why() {
    let mut world = World::of_one(policy());
    world.reach_review("a");
    world.vote("a", 0, approval());
    world.vote("a", 1, rejection(&["a leak", "a typo"]));
    world.ask(dismiss(1));
    let (effect, _) = world.agent("a", StepKind::Fix);
    world.end(effect, StepOutcome::Lost);
    world.timer();
    assert_eq!(world.agent("a", StepKind::Fix).1.findings.len(), 1);
    world.reach_review("a");
    let heard = world.reviewer("a", 0).1.findings;
    assert_eq!((&heard[0].state, heard[0].why.as_str()), (&FindingState::Dismissed, "it is meant so"));
    for (command, why) in [
        (dismiss(1), "dismissed already"),
        (dismiss(2), "fixed in"),
        (dismiss(3), "there are 1 to 2"),
        (Command::Dismiss("ghost".into(), 1, "x".to_owned()), "no task ghost"),
        (comment(" "), "empty"),
    ] {
        assert!(world.command(command.clone()).unwrap_err().contains(why), "{command:?}");
    }
}

#[test]
fn where_all_is_dismissed_before_the_fix_began_the_work_is_judged_again() {
    let mut world = World::of_one(Policy { max_rounds: 1, ..policy() });
    world.reach_review("a");
    world.vote("a", 0, approval());
    world.ask(Command::PauseRun);
    world.vote("a", 1, rejection(&["a leak"]));
    world.ask(Command::ResumeRun);
    let (effect, _) = world.agent("a", StepKind::Fix);
    world.end(effect, StepOutcome::Lost);
    world.ask(dismiss(1));
    world.timer();
    assert_eq!(world.phase("a"), Phase::Reviewing, "the gates have spoken of this very commit");
    assert_eq!(world.reviewer("a", 0).1.round, 2);
    world.all_approve("a");
    world.gates_pass("a");
    assert_eq!(world.phase("a"), Phase::Done);
}
