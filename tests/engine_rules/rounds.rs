//! Rules 4, 6 and 7: rounds, limits, attempts.

use loopmon::engine::EffectKind;
use loopmon::model::snapshot::AttentionKind;
use loopmon::model::{
    AfterFix, AttentionReason, Command, FailureKind, Hold, OnMax, Phase, Policy, StepKind, StepOutcome,
    Timestamp, Wait,
};

use crate::world::{World, approval, gate, policy, rejection};

#[test]
fn a_failed_validation_skips_review_and_fix_and_the_next_round_has_the_output() {
    let mut world = World::of_one(policy());
    world.work("a");
    world.gate_ends("a", 1);
    assert_eq!((world.phase("a"), world.task("a").round), (Phase::Implementing, 2));
    assert_eq!(world.spawned("a", StepKind::Review) + world.spawned("a", StepKind::Fix), 0);
    let (_, brief) = world.agent("a", StepKind::Implement);
    assert_eq!(brief.gates.len(), 1);
    assert!(!brief.gates[0].passed() && brief.gates[0].tail.contains("test says no"));
    world.reach_done("a");
}

#[test]
fn the_round_after_a_failed_validation_has_the_findings_that_are_still_open() {
    let policy = Policy { human_gate: loopmon::model::HumanGate::Always, ..policy() };
    let mut world = World::of_one(policy);
    world.reach_approval("a");
    world.ask(Command::Reject("a".into(), "too slow".to_owned()));
    // The attempt dies before anything of it is committed: the next one is told the same.
    let (effect, brief) = world.agent("a", StepKind::Implement);
    assert_eq!(brief.findings.len(), 1);
    world.end(effect, StepOutcome::Lost);
    world.timer();
    assert_eq!(world.agent("a", StepKind::Implement).1.findings.len(), 1);
}

#[test]
fn after_a_fix_comes_validation_or_another_implement_step_as_configured() {
    for (after_fix, phase) in
        [(AfterFix::Validate, Phase::Validating), (AfterFix::Implement, Phase::Implementing)]
    {
        let mut world = World::of_one(Policy { after_fix, ..policy() });
        world.reach_review("a");
        world.vote("a", 0, rejection(&["wrong"]));
        world.vote("a", 1, approval());
        assert_eq!((world.phase("a"), world.task("a").round), (Phase::Fixing, 1));
        world.work("a");
        assert_eq!((world.phase("a"), world.task("a").round), (phase, 2), "{after_fix:?}");
        if after_fix == AfterFix::Implement {
            world.work("a");
        }
        world.gates_pass("a");
        assert_eq!(world.phase("a"), Phase::Reviewing);
    }
}

#[test]
fn at_the_limit_the_policy_says_what_becomes_of_a_task_and_its_branch_is_kept() {
    for (on_max, phase, kind) in [
        (OnMax::ReturnLast, Phase::Exhausted, AttentionKind::Stuck),
        (OnMax::Fail, Phase::Failed, AttentionKind::Stuck),
        (OnMax::Escalate, Phase::Exhausted, AttentionKind::Question),
    ] {
        let mut world = World::of_one(Policy { on_max, max_rounds: 2, ..policy() });
        for _ in 0..2 {
            world.work("a");
            world.gate_ends("a", 1);
        }
        assert_eq!(world.phase("a"), phase, "{on_max:?}");
        assert_eq!(world.row("a").unwrap().kind, kind);
        assert!(world.task("a").work.prepared && world.task("a").work.tip.is_some());
        assert!(world.state.in_flight.is_empty(), "it is never merged by itself");
    }
}

#[test]
fn the_last_fix_is_validated_and_then_the_task_is_exhausted_even_if_it_passes() {
    for code in [0, 1] {
        let mut world = World::of_one(Policy { max_rounds: 1, ..policy() });
        world.reach_review("a");
        world.vote("a", 0, rejection(&["wrong"]));
        world.vote("a", 1, approval());
        world.work("a");
        assert_eq!(world.phase("a"), Phase::Validating, "the last fix is validated");
        world.gate_ends("a", code);
        assert_eq!((world.phase("a"), world.task("a").round), (Phase::Exhausted, 1));
        let tip = world.task("a").work.tip.clone().unwrap();
        assert_eq!(world.task("a").evidence.of(&tip, "test").unwrap().passed(), code == 0);
        assert!(world.state.in_flight.is_empty(), "exhausted is not approved");
        world.ask(Command::Retry("a".into()));
        assert_eq!(world.task("a").round, 2, "a person grants a round");
        world.reach_done("a");
    }
}

#[test]
fn a_merge_that_comes_back_after_a_takeover_is_not_cut_short_by_the_last_validation() {
    let mut world = World::of_one(Policy { max_rounds: 1, ..policy() });
    world.reach_review("a");
    world.vote("a", 0, rejection(&["wrong"]));
    world.vote("a", 1, approval());
    world.work("a");
    // The gate of the last validation can't be run, and a person takes the work as it is.
    world.gate_breaks("a");
    world.ask(Command::Approve("a".into()));
    world.ask(Command::Approve("a".into()));
    // The merged tree fails, and goes back to its owner.
    world.gate_ends("a", 1);
    assert_eq!(world.phase("a"), Phase::Fixing);
    world.reach_done("a");
}

#[test]
fn infrastructure_retries_take_no_round_and_wait_longer_each_time_up_to_a_cap() {
    let mut policy = policy();
    policy.retry.attempts = 5;
    let mut world = World::of_one(policy);
    let mut waits = Vec::new();
    for attempt in 1..=5 {
        let (effect, brief) = world.agent("a", StepKind::Implement);
        assert_eq!((brief.round, brief.attempt), (1, attempt));
        assert_eq!(
            brief.interrupted.is_some(),
            attempt > 1,
            "the next attempt is told how the last one ended"
        );
        world.end(effect, StepOutcome::Lost);
        if attempt < 5 {
            let from = world.now;
            assert!(matches!(world.task("a").hold, Some(Hold::Waiting { wait: Wait::Backoff, .. })));
            waits.push(world.timer().since(from));
        }
    }
    assert_eq!(waits, [1_000, 2_000, 3_000, 3_000]);
    assert!(matches!(world.task("a").hold, Some(Hold::NeedsAttention(AttentionReason::StepFailed(_)))));
    assert!(world.row("a").is_some());
    world.ask(Command::Retry("a".into()));
    let (_, brief) = world.agent("a", StepKind::Implement);
    assert_eq!((brief.round, brief.attempt), (1, 1));
    world.reach_done("a");
}

#[test]
fn a_quota_takes_no_round_and_no_attempt_and_waits_until_the_provider_says() {
    let mut world = World::of_one(policy());
    let until = Timestamp(9_000_000);
    for _ in 0..10 {
        let (effect, brief) = world.agent("a", StepKind::Implement);
        assert_eq!((brief.round, brief.attempt), (1, 1));
        let failure = FailureKind::Quota { until: Some(until).filter(|until| *until > world.now) };
        world.end(effect, StepOutcome::Failed { failure, message: "limit reached".to_owned() });
        assert!(matches!(world.task("a").hold, Some(Hold::Waiting { wait: Wait::Quota, .. })));
        world.timer();
    }
    assert!(world.now >= until);
    world.reach_done("a");
}

#[test]
fn a_person_need_not_wait_for_a_timer() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.end(effect, StepOutcome::Lost);
    let timer = world.flying(|kind| matches!(kind, EffectKind::StartTimer { .. })).unwrap();
    world.ask(Command::Retry("a".into()));
    assert_eq!(world.spawned("a", StepKind::Implement), 2);
    world.event(loopmon::model::Event::Timer(timer));
    assert_eq!(world.spawned("a", StepKind::Implement), 2, "the old timer starts nothing");
    world.reach_done("a");
    assert!(world.state.in_flight.is_empty());
}

#[test]
fn a_correction_takes_no_round_and_no_attempt() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    world.end(effect, StepOutcome::Invalid { errors: vec!["no summary".to_owned()] });
    let (_, brief) = world.agent("a", StepKind::Implement);
    assert_eq!((brief.round, brief.attempt, brief.corrections.len()), (1, 1, 1));
    for _ in 0..3 {
        let (effect, _) = world.agent("a", StepKind::Implement);
        world.end(effect, StepOutcome::Invalid { errors: vec!["no summary".to_owned()] });
    }
    assert!(matches!(world.task("a").hold, Some(Hold::NeedsAttention(AttentionReason::StepFailed(_)))));
}

#[test]
fn authentication_and_configuration_errors_are_not_retried() {
    for failure in [FailureKind::Authentication, FailureKind::Configuration] {
        let mut world = World::of_one(policy());
        let (effect, _) = world.agent("a", StepKind::Implement);
        world.end(effect, StepOutcome::Failed { failure, message: "go and log in".to_owned() });
        assert!(world.state.in_flight.is_empty(), "{failure:?}: no timer runs");
        assert!(world.row("a").unwrap().text.contains("go and log in"));
        let mut world = World::of_one(policy());
        world.reach_review("a");
        let (effect, _) = world.reviewer("a", 0);
        world.end(effect, StepOutcome::Failed { failure, message: "go and log in".to_owned() });
        assert_eq!(world.agents("a").len(), 1);
    }
}

#[test]
fn gates_run_in_order_and_all_of_them_speak() {
    let mut world = World::of_one(Policy { gates: vec![gate("lint"), gate("test")], ..policy() });
    world.work("a");
    assert_eq!(world.gate("a").unwrap().1.name, "lint");
    world.gate_ends("a", 1);
    assert_eq!(world.gate("a").unwrap().1.name, "test");
    world.gate_ends("a", 1);
    let (_, brief) = world.agent("a", StepKind::Implement);
    assert_eq!(brief.gates.iter().map(|result| result.gate.as_str()).collect::<Vec<_>>(), ["lint", "test"]);
}

#[test]
fn the_same_agent_goes_on_in_its_session_over_rounds_and_reviewers_are_fresh() {
    let mut world = World::of_one(policy());
    let (effect, _) = world.agent("a", StepKind::Implement);
    let seen = loopmon::model::event::StepEvent::SessionSeen { effect, resume: "impl-1".to_owned() };
    world.event(loopmon::model::Event::Step(seen));
    world.reach_review("a");
    for (effect, _) in world.agents("a") {
        let seen = loopmon::model::event::StepEvent::SessionSeen { effect, resume: "rev-1".to_owned() };
        world.event(loopmon::model::Event::Step(seen));
    }
    world.vote("a", 0, rejection(&["wrong"]));
    world.vote("a", 1, rejection(&["wrong"]));
    let resumes = |world: &World| -> Vec<Option<String>> {
        let resume = |kind: &EffectKind| match kind {
            EffectKind::RunStep { resume, .. } => Some(resume.clone()),
            _ => None,
        };
        world.state.in_flight.values().filter_map(resume).collect()
    };
    assert_eq!(resumes(&world), [Some("impl-1".to_owned())]);
    world.reach_review("a");
    assert_eq!(resumes(&world), [None, None]);
}
