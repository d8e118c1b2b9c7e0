//! Who gets the run's places: priority, chains, roles, agents, locks; and why somebody has none.

use std::collections::BTreeMap;

use loopmon::model::policy::{Maker, ReviewRules, Team};
use loopmon::model::{
    AgentName, AttentionReason, Command, FailureKind, Hold, Phase, PlanTask, Policy, Quorum, StepKind,
    StepOutcome,
};

use crate::world::{World, approval, policy, rejection, task};

fn at_work(world: &World) -> Vec<&str> {
    let placed = world.state.tasks.values().filter(|task| task.placed);
    placed.map(|task| task.spec.id.as_str()).collect()
}

fn why(world: &World, id: &str) -> String {
    let snapshot = loopmon::engine::snapshot(&world.state, "p", world.now);
    snapshot.task(&id.into()).unwrap().explanation.why.clone()
}

#[test]
fn priority_comes_before_the_length_of_the_chain_behind_a_task() {
    let urgent = PlanTask { priority: 1, ..task("c", &[]) };
    let tasks = vec![task("a", &[]), task("b", &[]), urgent, task("d", &["b"])];
    let mut world = World::new(Policy { parallel: 1, ..policy() }, tasks);
    assert_eq!(at_work(&world), ["c"]);
    world.reach_done("c");
    assert_eq!(at_work(&world), ["b"], "d waits for it");
}

#[test]
fn once_times_are_known_the_longest_chain_is_the_one_that_takes_longest() {
    for (rank_by_time, next) in [(false, "a1"), (true, "b")] {
        let of = |role: &str, priority, id: &str, after: &[&str]| PlanTask {
            role: Some(role.to_owned()),
            priority,
            ..task(id, after)
        };
        let tasks = vec![
            of("ui", 3, "long", &[]),
            of("db", 2, "short", &[]),
            of("db", 1, "last", &[]),
            of("db", 0, "a1", &[]),
            of("db", 0, "a2", &["a1"]),
            of("db", 0, "a3", &["a2"]),
            of("ui", 0, "b", &[]),
        ];
        let mut world = World::new(Policy { parallel: 1, rank_by_time, ..policy() }, tasks);
        // Who is next is known when the last of them has given its place up, before it is merged.
        for (id, minutes) in [("long", 60), ("short", 1), ("last", 1)] {
            world.git();
            world.now.0 += minutes * 60_000;
            world.reach_done(id);
        }
        assert_eq!(at_work(&world), [next], "by time: {rank_by_time}");
    }
}

#[test]
fn tasks_that_name_the_same_lock_are_not_worked_on_at_once() {
    let locking = |id: &str| PlanTask { locks: vec!["port 80".to_owned()], ..task(id, &[]) };
    let mut world = World::new(policy(), vec![locking("a"), locking("b"), task("c", &[])]);
    assert_eq!(at_work(&world), ["a", "c"]);
    assert_eq!(why(&world, "b"), "a uses port 80");
    world.reach_done("a");
    assert_eq!(at_work(&world), ["b", "c"]);
}

#[test]
fn a_role_has_no_more_places_than_it_may() {
    let of_role = |id: &str| PlanTask { role: Some("db".to_owned()), ..task(id, &[]) };
    let team = Team { role_places: BTreeMap::from([("db".to_owned(), 1)]), ..policy().team };
    let mut world = World::new(Policy { team, ..policy() }, vec![of_role("a"), of_role("b"), task("c", &[])]);
    assert_eq!(at_work(&world), ["a", "c"]);
    assert_eq!(why(&world, "b"), "1 task of the role db at once");
    world.reach_done("a");
    assert_eq!(at_work(&world), ["b", "c"]);
}

#[test]
fn an_agent_has_no_more_sessions_than_it_may() {
    let team = Team { agent_places: BTreeMap::from([("rex".into(), 1), ("ada".into(), 2)]), ..policy().team };
    let tasks = ["a", "b", "c"].map(|id| task(id, &[])).to_vec();
    let mut world = World::new(Policy { team, ..policy() }, tasks);
    assert_eq!(at_work(&world), ["a", "b"]);
    assert_eq!(why(&world, "c"), "ada works in 2 places at once");
    world.work("a");
    world.gates_pass("a");
    world.work("b");
    world.gates_pass("b");
    let slots =
        |world: &World, id: &str| world.agents(id).iter().map(|(_, brief)| brief.slot).collect::<Vec<_>>();
    assert_eq!(
        (slots(&world, "a"), slots(&world, "b")),
        (vec![0, 1], vec![1]),
        "rex reads one thing at a time"
    );
    world.vote("b", 1, approval());
    assert_eq!(why(&world, "b"), "rex has as many sessions as it may");
    world.vote("a", 0, approval());
    assert_eq!(slots(&world, "b").len(), 1);
}

#[test]
fn what_is_left_is_told_by_the_time_that_agents_worked_and_not_by_how_long_tasks_waited() {
    let tasks = vec![task("a", &[]), task("b", &[]), task("c", &["b"]), task("d", &["c"])];
    let mut world = World::new(Policy { parallel: 2, gates: Vec::new(), ..policy() }, tasks);
    assert_eq!(world.state.forecast().left_ms, None, "nobody knows yet");
    let (agent, _) = world.agent("a", StepKind::Implement);
    world.now = world.now.plus(60_000);
    world.end(agent, crate::world::worked());
    // Both of its reviewers read for an hour.
    world.git();
    world.now = world.now.plus(3_600_000);
    for (effect, _) in world.agents("a") {
        world.end(effect, StepOutcome::Reviewed { verdict: approval() });
    }
    world.git();
    assert_eq!(world.phase("a"), Phase::Done);
    let reviewers = 2 * 3_600_000;
    let forecast = world.state.forecast();
    assert_eq!(forecast.critical.iter().map(|id| id.as_str()).collect::<Vec<_>>(), ["b", "c", "d"]);
    let each = world.task("a").worked_ms;
    assert!(each >= 60_000 + reviewers, "reviewers work too: {each}");
    assert_eq!(forecast.left_ms, Some(3 * each), "one after the other");
    world.ask(Command::Cancel("d".into()));
    assert_eq!(world.state.forecast().critical.len(), 2);
}

fn failed() -> StepOutcome {
    StepOutcome::Failed { failure: FailureKind::Configuration, message: "no such model".to_owned() }
}

#[test]
fn who_gives_no_vote_is_stood_in_for_and_then_a_person_is_asked() {
    let review = ReviewRules { fallback: vec!["rio".into(), "pam".into()], ..ReviewRules::default() };
    let team = Team { reviewers: vec!["rex".into()], ..policy().team };
    let mut world = World::of_one(Policy { review, team, ..policy() });
    world.reach_review("a");
    let who = |world: &World| world.task("a").review.as_ref().unwrap().slots[0].agent.clone();
    for name in ["rex", "rio", "pam"] {
        assert_eq!(who(&world), AgentName::from(name));
        let (effect, _) = world.reviewer("a", 0);
        world.end(effect, failed());
    }
    let hold = world.task("a").hold.clone();
    assert!(matches!(hold, Some(Hold::NeedsAttention(AttentionReason::VoteMissing(_)))), "{hold:?}");
    world.ask(Command::Retry("a".into()));
    assert_eq!(who(&world), "rex".into(), "from the first again");
}

#[test]
fn where_all_have_to_judge_one_failure_asks_a_person_at_once_and_no_vote_is_overheard() {
    let review = ReviewRules { continue_on_fail: false, ..ReviewRules::default() };
    let mut world = World::of_one(Policy { review, quorum: Quorum::AtLeast(1), ..policy() });
    world.reach_review("a");
    let ((first, _), (second, _)) = (world.reviewer("a", 0), world.reviewer("a", 1));
    world.end(first, failed());
    assert!(matches!(world.task("a").hold, Some(Hold::NeedsAttention(AttentionReason::VoteMissing(_)))));
    // Its session was being ended and had its say all the same: too late for this review.
    world.end(second, StepOutcome::Reviewed { verdict: rejection(&["wrong"]) });
    assert_eq!(world.phase("a"), Phase::Reviewing);
    world.ask(Command::Retry("a".into()));
    assert_eq!(world.agents("a").len(), 2, "both are asked again");
}

fn makers(list: &[(&str, &str, &str)]) -> Team {
    let maker = |(name, provider, model): &(&str, &str, &str)| {
        (AgentName::from(*name), Maker { provider: (*provider).to_owned(), model: (*model).to_owned() })
    };
    Team {
        makers: list.iter().map(maker).collect(),
        known: list.iter().map(|(name, ..)| (*name).into()).collect(),
        choose_reviewers: true,
        ..policy().team
    }
}

#[test]
fn reviewers_are_of_another_make_than_the_implementer_where_there_is_one() {
    let chosen = |team: Team, by: &str| {
        let state = World::of_one(Policy { team, ..policy() }).state;
        let spec = PlanTask { agent: Some(by.into()), ..task("x", &[]) };
        state.reviewers_of(&spec).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let three = || makers(&[("ada", "x", "big"), ("rex", "x", "small"), ("rio", "y", "")]);
    assert_eq!(chosen(three(), "ada"), ["rio", "rio"]);
    assert_eq!(chosen(three(), "rio"), ["ada", "rex"]);
    let one_house = || makers(&[("ada", "x", "big"), ("rex", "x", "small")]);
    assert_eq!(chosen(one_house(), "ada"), ["rex", "ada"]);
    let mut world = World::of_one(Policy { team: makers(&[("ada", "x", "")]), ..policy() });
    assert!(world.state.notices.iter().any(|notice| notice.text.contains("of its own make")));
    world.reach_review("a");
    assert_eq!(world.agents("a").len(), 2);
    assert_eq!(world.agents("a")[0].1.step, StepKind::Review);
}
