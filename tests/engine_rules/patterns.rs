//! Whose session goes on, from round to round and from task to task; and who watches those that do.

use loopmon::engine::EffectKind;
use loopmon::model::event::StepEvent;
use loopmon::model::policy::{Promotion, Team};
use loopmon::model::{
    EffectId, Event, Pattern, Phase, PlanTask, Policy, Severity, StepKind, StepOutcome, Verdict, Vote,
};

use crate::world::{World, approval, policy, rejection, remark, task};

fn with(pattern: Pattern) -> Policy {
    let team = Team { reviewers: vec!["rex".into()], ..policy().team };
    Policy { pattern, team, max_rounds: 9, gates: Vec::new(), ..policy() }
}

fn resumes(world: &World, effect: EffectId) -> Option<String> {
    match &world.state.in_flight[&effect] {
        EffectKind::RunStep { resume, .. } => resume.clone(),
        other => panic!("{other:?}"),
    }
}

impl World {
    /// The step's session is known by that name.
    fn seen(&mut self, effect: EffectId, resume: &str) {
        self.event(Event::Step(StepEvent::SessionSeen { effect, resume: resume.to_owned() }));
    }

    /// The only reviewer of a task, with the session that it goes on in.
    fn reviewing(&self, id: &str) -> (EffectId, Option<String>) {
        let (effect, _) = self.reviewer(id, 0);
        (effect, resumes(self, effect))
    }
}

#[test]
fn sessions_live_as_long_as_the_pattern_says() {
    for (pattern, implementer, reviewer) in [
        (Pattern::Workflow, None, None),
        (Pattern::Inline, Some("i"), None),
        (Pattern::Pair, Some("i"), Some("r")),
        (Pattern::Trio, Some("i"), Some("r")),
    ] {
        let mut world = World::of_one(with(pattern));
        let (effect, _) = world.agent("a", StepKind::Implement);
        world.seen(effect, "i");
        world.work("a");
        let (effect, resume) = world.reviewing("a");
        assert_eq!(resume, None);
        world.seen(effect, "r");
        world.vote("a", 0, rejection(&["wrong"]));
        let (effect, brief) = world.agent("a", StepKind::Fix);
        assert_eq!(resumes(&world, effect).as_deref(), implementer, "{pattern:?}");
        assert_eq!(brief.task.id.as_str(), "a", "the task's own words are in every prompt");
        world.work("a");
        assert_eq!(world.reviewing("a").1.as_deref(), reviewer, "{pattern:?}");
        assert_eq!(world.reviewer("a", 0).1.findings.len(), 1, "what was found is told to fresh ones too");
    }
}

#[test]
fn a_plan_can_choose_the_pattern_of_a_task() {
    let paired = PlanTask { pattern: Some(Pattern::Workflow), ..task("b", &[]) };
    let world = World::new(with(Pattern::Pair), vec![task("a", &[]), paired]);
    assert_eq!(world.state.pattern_of(world.task("a")), Pattern::Pair);
    assert_eq!(world.state.pattern_of(world.task("b")), Pattern::Workflow);
}

#[test]
fn a_pair_that_goes_on_and_on_is_put_before_a_person() {
    let mut world = World::of_one(with(Pattern::Pair));
    let told =
        |world: &World| world.state.notices.iter().filter(|notice| notice.text.contains("its pair")).count();
    for round in 1..=3 {
        world.work("a");
        assert_eq!(told(&world), usize::from(round >= 3), "round {round}");
        world.vote("a", 0, rejection(&["wrong"]));
    }
}

#[test]
fn a_standing_reviewer_goes_from_task_to_task_first_in_first_out() {
    let mut world = World::new(with(Pattern::Standing), vec![task("a", &[]), task("b", &[]), task("c", &[])]);
    world.work("b");
    let (first, resume) = world.reviewing("b");
    assert_eq!(resume, None);
    world.seen(first, "s");
    world.work("a");
    world.work("c");
    assert!(world.agents("a").is_empty() && world.agents("c").is_empty(), "one task at a time");
    let snapshot = loopmon::engine::snapshot(&world.state, "p", world.now);
    let why = &snapshot.task(&"a".into()).unwrap().explanation.why;
    assert_eq!(why, "its reviewer judges another task first");
    world.vote("b", 0, approval());
    world.git();
    assert_eq!(world.reviewing("a").1.as_deref(), Some("s"));
    assert!(world.agents("c").is_empty());
    world.vote("a", 0, approval());
    assert_eq!(world.reviewing("c").1.as_deref(), Some("s"));
}

#[test]
fn a_standing_reviewer_whose_session_is_lost_does_not_get_it_back() {
    let mut world = World::new(with(Pattern::Standing), vec![task("a", &[]), task("b", &[])]);
    world.work("a");
    let (effect, _) = world.reviewing("a");
    world.seen(effect, "s");
    world.vote("a", 0, approval());
    world.git();
    world.work("b");
    let (effect, resume) = world.reviewing("b");
    assert_eq!(resume.as_deref(), Some("s"));
    world.event(Event::Step(StepEvent::SessionGone { effect }));
    world.end(effect, StepOutcome::Lost);
    world.timer();
    assert_eq!(world.reviewing("b").1, None);
}

#[test]
fn a_standing_reviewer_that_finds_nothing_is_checked_and_one_that_missed_something_is_replaced() {
    let tasks = ["a", "b", "c", "d", "e"].map(|id| task(id, &[])).to_vec();
    let mut world = World::new(Policy { parallel: 1, ..with(Pattern::Standing) }, tasks);
    for id in ["a", "b"] {
        world.work(id);
        let (effect, _) = world.reviewing(id);
        world.seen(effect, "s");
        world.vote(id, 0, approval());
        world.git();
    }
    world.work("c");
    let (fresh, _) = world.reviewer("c", 1);
    assert_eq!((resumes(&world, fresh), world.reviewing("c").1.as_deref()), (None, Some("s")));
    world.vote("c", 0, approval());
    assert_eq!(world.phase("c"), Phase::Reviewing, "the fresh one's vote is wanted");
    world.vote("c", 1, rejection(&["it loses data"]));
    assert_eq!(world.phase("c"), Phase::Fixing);
    assert!(
        world.state.notices.iter().any(|notice| notice.text.contains("missed what a fresh reviewer found"))
    );
    world.work("c");
    assert_eq!(world.reviewing("c").1, None, "a new session takes over");
}

fn nit(text: &str) -> Verdict {
    Verdict { vote: Vote::Approve, summary: "fine".to_owned(), remarks: vec![remark(Severity::Minor, text)] }
}

#[test]
fn the_same_finding_in_three_reviews_in_a_row_promotes_the_reviewer() {
    let tasks = ["a", "b", "c", "d"].map(|id| task(id, &[])).to_vec();
    let mut world = World::new(Policy { parallel: 1, ..with(Pattern::Promote) }, tasks);
    for id in ["a", "b", "c"] {
        assert_eq!(world.state.pattern_of(world.task(id)), Pattern::Inline);
        world.work(id);
        world.vote(id, 0, nit("Errors are swallowed."));
        world.git();
    }
    assert_eq!(world.state.pattern_of(world.task("d")), Pattern::Standing);
    world.work("d");
    let (_, brief) = world.reviewer("d", 0);
    assert!(
        brief.notes.iter().any(|note| note.contains("Errors are swallowed.")),
        "it begins with what was said"
    );
}

#[test]
fn findings_that_differ_or_do_not_follow_each_other_promote_nobody() {
    let tasks = ["a", "b", "c", "d", "e"].map(|id| task(id, &[])).to_vec();
    let mut world = World::new(Policy { parallel: 1, ..with(Pattern::Promote) }, tasks);
    for (id, words) in [("a", "slow"), ("b", "slow"), ("c", "untested"), ("d", "slow")] {
        world.work(id);
        world.vote(id, 0, nit(words));
        world.git();
    }
    assert_eq!(world.state.pattern_of(world.task("e")), Pattern::Inline);
}

#[test]
fn many_tasks_of_a_role_or_a_role_by_name_are_promoted_from_the_beginning() {
    let of_role = |id: &str| PlanTask { role: Some("db".to_owned()), ..task(id, &[]) };
    let promotion = Promotion { alike: 2, ..Promotion::default() };
    let policy = Policy { promotion, ..with(Pattern::Promote) };
    let world = World::new(policy, vec![of_role("a"), of_role("b"), task("c", &[])]);
    assert_eq!(world.state.pattern_of(world.task("a")), Pattern::Standing);
    assert_eq!(world.state.pattern_of(world.task("c")), Pattern::Inline);
    let promotion = Promotion { roles: vec!["db".to_owned()], ..Promotion::default() };
    let world = World::new(Policy { promotion, ..with(Pattern::Promote) }, vec![of_role("a")]);
    assert_eq!(world.state.pattern_of(world.task("a")), Pattern::Standing);
}
